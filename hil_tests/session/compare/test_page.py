"""The page that draws both runs over each other: whole in one file, and drawn by a real browser."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

from hil_tests.support.browser import title_in_browser
from testbed.session.compare import Rules, SessionRecording, compare, write_html
from testbed.session.compare.drawing import html
from testbed.session.file import SessionReader
from testbed.session.page import Curve
from testbed.signals import Event, Level

from .memory import SECOND, Memory, bad, curve

EVIL = "</script><script>document.title='owned'</script><img src=x>"


@pytest.fixture
def page(recorded: Path, recorded_with_another_gain: Path, tmp_path: Path) -> Path:
    file = tmp_path / "page.html"
    with SessionReader(recorded) as a, SessionReader(recorded_with_another_gain) as b:
        write_html(compare(SessionRecording(a), SessionRecording(b)), file)
    return file


def data_of(page: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        page.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    )
    return found


def test_the_page_needs_nothing_from_elsewhere(page: Path):
    text = page.read_text()
    assert "default-src 'none'" in text
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", text)
    assert "{{" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def test_the_page_holds_both_runs_their_difference_commands_and_events(page: Path):
    data = data_of(page.read_text())
    signals = {each["name"]: each for each in data["signals"]}  # type: ignore[attr-defined]
    heater = signals["chamber.heater_duty"]
    assert heater["steps"]
    assert all(heater["curves"][name]["t"] for name in ("a", "b", "difference"))
    assert heater["commands"]["a"]
    assert {event["run"] for event in data["events"]} == {"a", "b"}  # type: ignore[attr-defined]
    assert data["result"]["verdict"] == "diverged"  # type: ignore[index]


def test_what_a_device_said_is_never_markup():
    run = Memory(curve([1], [1.0]), events_of=[Event(SECOND, Level.INFO, "probe", "online", EVIL)])
    text = html(compare(run, run))
    assert EVIL not in text
    assert EVIL in json.dumps(data_of(text)).replace('\\"', '"')


@pytest.mark.needs_system("chromium")
def test_a_browser_draws_every_chart_without_a_network_and_zooms_them_together(page: Path, tmp_path: Path):
    probe = """<script>
      const later = (ms) => new Promise((done) => setTimeout(done, ms));
      const until = async (holds) => { for (let turn = 0; turn < 500 && !holds(); turn++) await later(100); };
      const zoomed = (chart) => chart.scales.x.min === 1 && chart.scales.x.max === 2;
      (async () => {
        await until(() => charts.length === 2 * data.signals.length);
        charts[0].setScale("x", { min: 1, max: 2 });
        await until(() => charts.every(zoomed));
        const drawn = charts.filter((chart) => {
          const canvas = chart.ctx.canvas;
          return chart.ctx.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
        });
        const rows = document.querySelectorAll("#first table tr").length;
        const verdict = document.querySelector("h1 span").textContent;
        const ranges = charts.filter(zoomed).length;
        const found = { charts: charts.length, drawn: drawn.length, ranges, rows, verdict };
        document.title = JSON.stringify(found);
      })();
    </script></body>"""
    page.write_text(page.read_text().replace("</body>", probe))
    found = json.loads(title_in_browser(page, tmp_path / "profile"))
    signals = len(data_of(page.read_text())["signals"])  # type: ignore[arg-type]
    assert found["verdict"] == "diverged"
    assert found["charts"] == found["drawn"] == found["ranges"] == 2 * signals
    assert found["rows"] > 10


# Curves ---------------------------------------------------------------------------------------------


def test_a_long_curve_keeps_every_extreme_in_few_points():
    times = np.arange(0, 1_000_000, dtype=np.int64) * 1000
    values = np.sin(times / 1e8)
    values[123_456], values[765_432] = 7.0, -7.0
    drawn = Curve(0, int(times[-1]))
    for first in range(0, len(times), 10_007):
        drawn.add(times[first : first + 10_007], values[first : first + 10_007])
    kept, shown = drawn.points()
    assert len(kept) <= 2002
    assert (np.diff(kept) > 0).all()
    assert (shown.max(), shown.min()) == (7.0, -7.0)
    assert kept[np.argmax(shown)] == 123_456_000


def test_a_short_curve_keeps_every_point_and_its_gap():
    run = Memory([*curve([1, 2], [1.0, 2.0]), bad(3, "offline"), *curve([4], [4.0])])
    found = data_of(html(compare(run, run, Rules((("*", "1"),), SECOND))))
    (signal,) = found["signals"]  # type: ignore[misc]
    values = np.frombuffer(base64.b64decode(signal["curves"]["a"]["v"]), "<f4")
    assert np.array_equal(values, [1.0, 2.0, np.nan, 4.0], equal_nan=True)
