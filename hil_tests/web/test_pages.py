"""The page in a real browser: seen, zoomed, taken in hand, stopped; refused without a login."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from hil_tests.system.readback import heater
from testbed.session.file import SessionReader

from .browser import chromium, opened, picture
from .served import DUTY, SETPOINT, TOKENS, LiveRun, live_run, record, served, until, users_file

pytestmark = pytest.mark.needs_system("chromium")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with live_run(tmp_path_factory.mktemp("live"), "--for", "300s", "--allow-faults") as run:
        yield run


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    record(folder / "a.session", 60, seed=1)
    record(folder / "b.session", 60, seed=2)
    with served(folder) as address:
        yield address


def value(page: Page, signal: str) -> str:
    return page.locator(f'[data-value="{signal}"]').first.text_content() or ""


def view(page: Page) -> tuple[float, float]:
    charts = page.locator(".charts").first
    return float(charts.get_attribute("data-from") or 0), float(charts.get_attribute("data-to") or 0)


def points(page: Page) -> int:
    return int(page.locator(".charts").first.get_attribute("data-points") or 0)


def drawn(page: Page) -> int:
    """Return how many pixels of the first chart are not empty."""
    return page.evaluate("""() => {
        const canvas = document.querySelector(".charts canvas");
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        let count = 0;
        for (let i = 3; i < pixels.length; i += 4) count += pixels[i] > 0;
        return count;
    }""")


def drag(page: Page, start: float, end: float) -> None:
    """Drag over the first chart, from and to these parts of its width."""
    box = page.locator(".u-over").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, y, steps=4)
    page.mouse.up()


# A run ----------------------------------------------------------------------------------------------


def test_the_first_page_shows_the_run_and_its_values_change(browser: Browser, live):
    with opened(browser, live.address) as page:
        page.wait_for_url("**/s/live")
        expect(page.locator("[data-verdict]").first).to_have_text("running")
        expect(page.locator('[data-device="probe"]').first).to_have_attribute("data-is", "good")
        before = value(page, "fan.speed")
        until(
            lambda: page.wait_for_timeout(50) or value(page, "fan.speed") not in ("\u2013", before),
            "a change",
        )
        until(lambda: page.wait_for_timeout(50) or drawn(page) > 500, "a curve")
        expect(page.locator('[data-mode="hold"]').first).to_have_text("automatic")
        expect(page.locator("[data-events] tr").first).to_be_visible()
        picture(page, "bench")


def test_an_actuator_is_taken_in_hand_set_and_given_back(browser: Browser, live):
    with opened(browser, f"{live.address}/s/live/device/chamber") as page:
        page.get_by_label(f"Take {DUTY} in hand").click()
        expect(page.locator(f'[data-held="{DUTY}"]')).to_have_text("in the hands of local")
        expect(page.locator('[data-mode="hold"]').first).to_have_text("manual")
        wanted = page.get_by_label(f"Wanted {DUTY}")
        wanted.fill("41")
        # Refused while that would be faster than the heater may change after the loop's last command.
        until(lambda: wanted.press("Enter") or page.wait_for_timeout(300) or heating(live) == 41.0, "41 %")
        expect(page.get_by_text("acknowledged")).to_be_visible()
        wanted.fill("141")
        page.get_by_role("button", name="Set", exact=True).locator("visible=true").click()
        expect(page.get_by_text("refused: ")).to_be_visible()
        picture(page, "device")
        page.get_by_role("button", name="Give back").locator("visible=true").click()
        expect(page.locator('[data-mode="hold"]').first).to_have_text("automatic")


def test_a_wire_is_broken_on_purpose_and_mended(browser: Browser, live):
    with opened(browser, f"{live.address}/s/live/device/probe") as page:
        expect(page.get_by_text("nothing is broken on purpose")).to_be_visible()
        page.get_by_role("combobox").click()
        page.get_by_role("option", name="disconnect", exact=True).click()
        page.get_by_role("button", name="Break").click()
        expect(page.get_by_text("disconnect, asked for by local")).to_be_visible()
        expect(page.locator('[data-device="probe"]').first).to_have_attribute("data-is", "bad")
        page.get_by_label("Parameters").fill("nonsense")
        page.get_by_role("button", name="Break").click()
        expect(page.get_by_text("'nonsense' is no NAME=VALUE").first).to_be_visible()
        page.get_by_label("Mend disconnect").click()
        expect(page.get_by_text("nothing is broken on purpose")).to_be_visible()
        expect(page.locator('[data-device="probe"]').first).to_have_attribute("data-is", "good")
        picture(page, "faults")


def test_a_page_that_is_closed_leaves_its_actuator_safe(browser: Browser, live):
    with opened(browser, f"{live.address}/s/live/device/chamber") as page:
        page.get_by_label(f"Take {SETPOINT} in hand").click()
        page.get_by_label(f"Wanted {SETPOINT}").fill("47")
        page.get_by_label(f"Wanted {SETPOINT}").press("Enter")
        expect(page.get_by_text("acknowledged")).to_be_visible()
        page.wait_for_timeout(6_000)  # longer than a lease: the page keeps it
        assert last_told(live.session, SETPOINT) == 47.0
    until(lambda: last_told(live.session, SETPOINT) == 20.0, "the safe value")


def test_a_live_curve_is_zoomed_and_followed_again(browser: Browser, live):
    with opened(browser, f"{live.address}/s/live/curves") as page:
        charts = page.locator(".charts")
        expect(charts).to_have_attribute("data-live", "true")
        until(lambda: page.wait_for_timeout(50) or points(page) > 20, "the curve")
        before = view(page)
        until(lambda: page.wait_for_timeout(50) or view(page)[1] > before[1], "it goes on")
        drag(page, 0.4, 0.6)
        expect(charts).to_have_attribute("data-live", "false")
        zoomed = view(page)
        assert zoomed[1] - zoomed[0] < (before[1] - before[0]) / 2
        page.wait_for_timeout(600)
        assert view(page) == zoomed  # what one looks at does not run away
        page.get_by_role("button", name="Back to live").click()
        expect(charts).to_have_attribute("data-live", "true")


def test_loops_show_how_they_keep_their_time(browser: Browser, live):
    with opened(browser, f"{live.address}/s/live/loops") as page:
        expect(page.locator('[data-histogram="airflow:latency"] rect').nth(3)).to_be_attached()
        expect(page.locator('[data-timing="airflow:latency:p50"]')).to_have_text(re.compile(r"(µs|ms)$"))
        picture(page, "loops")


def test_stop_makes_everything_safe_and_the_page_says_so(browser: Browser, tmp_path):
    with live_run(tmp_path) as run:
        until(lambda: heater(run.wires["chamber"])[0] > 5, "the heater heats")
        with opened(browser, f"{run.address}/s/live") as page:
            page.get_by_role("button", name="Stop the run").click()
            expect(page.locator("[data-verdict]").first).to_have_text(re.compile("passed|failed|blocked"))
        run.process.wait(30)
        assert heater(run.wires["chamber"]) == (0.0, False)


# Logins ---------------------------------------------------------------------------------------------


def test_without_a_login_nothing_is_shown_and_a_viewer_cannot_act(browser: Browser, tmp_path):
    options = ("--users", str(users_file(tmp_path)))
    with live_run(tmp_path, *options) as run, opened(browser, f"{run.address}/s/live/device/chamber") as page:
        page.wait_for_url("**/login?next=/s/live/device/chamber")
        picture(page, "login")
        page.get_by_label("Name").fill("vera")
        page.get_by_label("Password or token").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("do not fit together")
        page.get_by_label("Name").fill("vera")
        page.get_by_label("Password or token").fill(TOKENS["vera"])
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/s/live/device/chamber")
        expect(page.get_by_text("vera, viewer")).to_be_visible()
        until(lambda: page.wait_for_timeout(50) or value(page, "chamber.temperature") != "\u2013", "a value")
        assert page.get_by_role("button", name="Stop the run").count() == 0
        assert page.get_by_text("Take in hand").count() == 0
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/login")


# Recorded sessions ----------------------------------------------------------------------------------


def test_from_all_of_a_session_to_a_millisecond(browser: Browser, recorded):
    with opened(browser, f"{recorded}/s/a/curves") as page:
        until(lambda: page.wait_for_timeout(50) or points(page) > 100, "the curves")
        start, end = view(page)
        assert end - start > 55_000
        for _ in range(4):
            drag(page, 0.45, 0.55)
            page.wait_for_timeout(150)
        start, end = view(page)
        assert end - start < 10
        until(lambda: page.wait_for_timeout(50) or points(page) >= 2, "the samples around")
        assert drawn(page) > 100
        page.locator(".panel [role=img]").first.press("Home")
        assert view(page)[1] - view(page)[0] > 55_000
        picture(page, "curves")


def test_a_moment_is_noted_and_the_note_stays(browser: Browser, recorded):
    with opened(browser, f"{recorded}/s/b/curves") as page:
        until(lambda: page.wait_for_timeout(50) or points(page) > 100, "the curves")
        drag(page, 0.5, 0.5)
        page.get_by_label("Note about this moment").fill("<i>the</i> door opened")
        page.get_by_role("button", name="Add note").click()
        expect(page.get_by_label("Note about this moment")).to_be_hidden()
        page.goto(f"{recorded}/s/b/events")
        expect(page.get_by_text("<i>the</i> door opened")).to_be_visible()


def test_two_sessions_lie_over_each_other(browser: Browser, recorded):
    with opened(browser, recorded) as page:
        page.get_by_role("checkbox").nth(0).click()
        page.get_by_role("checkbox").nth(1).click()
        page.get_by_role("button", name="Compare the two").click()
        page.wait_for_url("**/compare?**")
        until(lambda: page.wait_for_timeout(50) or points(page) > 100, "the curves")
        expect(page.locator(".panel").first).to_contain_text("chamber.temperature A")
        assert view(page)[0] == 0
        expect(page.get_by_role("columnheader", name="largest difference")).to_be_visible()
        expect(page.locator("table.list tr", has_text="probe.temperature_predicted")).to_contain_text("degC")
        picture(page, "compare")


def test_the_report_says_what_a_session_came_to(browser: Browser, recorded):
    with opened(browser, f"{recorded}/s/a/report") as page:
        expect(page.get_by_role("heading", name="thermal-rig: passed")).to_be_visible()
        expect(page.get_by_text("probe.temperature settles at 60 degC")).to_be_visible()
        picture(page, "report")


# For everybody --------------------------------------------------------------------------------------

PAGES = ("", "/curves", "/device/chamber", "/loops", "/events", "/report")


@pytest.mark.parametrize("path", PAGES)
def test_every_control_has_a_name_and_the_keyboard_reaches_it(browser: Browser, recorded, path):
    with opened(browser, f"{recorded}/s/a{path}") as page:
        expect(page.locator("nav a[aria-current]")).to_have_count(1)
        page.wait_for_timeout(300)
        nameless = page.evaluate("""() => [...document.querySelectorAll("button, a, input, [role=img]")].filter((el) =>
            el.offsetParent && !(el.getAttribute("aria-label") || el.textContent.trim() || el.labels?.length
            || el.closest("label"))).map((el) => el.outerHTML)""")
        assert nameless == []
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement !== document.body")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_text_stands_out_from_what_is_behind_it(browser: Browser, recorded, path, scheme):
    """At least 4.5 to 1 (WCAG 2.2, 1.4.3), for text in HTML and in the picture."""
    with opened(browser, f"{recorded}/s/a{path}", color_scheme=scheme) as page:
        expect(page.locator(".card").first).to_be_visible()
        page.wait_for_timeout(600)
        assert page.evaluate(_FAINT) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_tablet_shows_all_of_it_without_scrolling_sideways(browser: Browser, recorded, path):
    with opened(browser, f"{recorded}/s/a{path}", viewport={"width": 820, "height": 1180}) as page:
        expect(page.locator(".card").first).to_be_visible()
        page.wait_for_timeout(400)
        assert page.evaluate("document.documentElement.scrollWidth") <= 820
        if not path:
            picture(page, "tablet")


def heating(live: LiveRun) -> float:
    return heater(live.wires["chamber"])[0]


def last_told(session, path: str) -> float | None:
    with SessionReader(session) as reader:
        found = reader.newest().get(reader.signal(path).id)
    return found.sample.value if found else None


_FAINT = """() => {
    const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (el) => {
        for (let at = el; at; at = at.parentElement) {
            const style = getComputedStyle(at);
            const box = at.querySelector?.(":scope > rect.box");
            const colour = parse(box && box !== el ? getComputedStyle(box).fill : style.backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const faint = new Set();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const el = walk.currentNode.parentElement;
        if (!walk.currentNode.textContent.trim() || el.closest("script, style, title") || !el.getClientRects().length) continue;
        const style = getComputedStyle(el);
        const ink = parse(el.ownerSVGElement ? style.fill : style.color);
        const [a, b] = [luminance(ink), luminance(behind(el))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) faint.add(`${el.className.baseVal ?? el.className}: ${walk.currentNode.textContent.trim().slice(0, 30)} ${ratio.toFixed(1)}`);
    }
    return [...faint];
}"""
