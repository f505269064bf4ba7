"""Takes the pictures of the live page, while a run shows itself, and of its report, in headless Chromium."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, sync_playwright

_SIZE = {"width": 1280, "height": 960}
_SETTLE_MS = 1_500
_IN_HAND = "chamber.setpoint"  # only shown on the chamber's panel: the demo does not notice


def take(address: str, session: str, images: Path) -> None:
    """Write live-page.png, live-loops.png and, dark, live-device.png with an actuator in hand."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        light = browser.new_page(viewport=_SIZE)
        _go(light, f"{address}/s/{session}")
        light.screenshot(path=images / "live-page.png")
        _go(light, f"{address}/s/{session}/loops")
        light.screenshot(path=images / "live-loops.png")
        dark = browser.new_page(viewport=_SIZE, color_scheme="dark")
        _go(dark, f"{address}/s/{session}/device/chamber")
        dark.get_by_label(f"Take {_IN_HAND} in hand").click()
        dark.get_by_label(f"Wanted {_IN_HAND}").fill("55")
        dark.wait_for_timeout(_SETTLE_MS)
        dark.screenshot(path=images / "live-device.png")
        browser.close()


def take_report(report: Path, images: Path) -> None:
    """Write report.png: the beginning of a report."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport=_SIZE)
        page.goto(report.as_uri())
        page.locator(".chart canvas").first.wait_for()
        page.wait_for_timeout(_SETTLE_MS)
        page.screenshot(path=images / "report.png")
        browser.close()


def _go(page: Page, url: str) -> None:
    page.goto(url)
    page.locator(".charts canvas").first.wait_for()
    page.wait_for_timeout(_SETTLE_MS)
