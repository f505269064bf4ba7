"""Makes the pictures of the documentation from a real run of the demo.

`python tools/make_pictures.py` runs the demo bench with nothing plugged in, draws the live view while it
runs (docs/images/live-view.svg) and plots what the session file holds afterwards (docs/images/demo.svg).
Where Chromium is installed it takes pictures of the live page (docs/images/live-*.png) and of the report
(docs/images/report.png) too.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from testbed.cli.live import _View
from testbed.session.file import SessionReader

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "benches" / "thermal-rig.yaml"
IMAGES = ROOT / "docs" / "images"

SECONDS = 30
SNAPSHOT = 15.0  # s into the run at which the live view is drawn
_COLUMNS = 104

Points = list[tuple[float, float]]


def main() -> None:
    """Run the demo and write the pictures; exits 1 when the demo did not pass."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.session"
        command = [sys.executable, "-m", "testbed", "run", str(BENCH), "--emulate", "all"]
        command += ["--for", f"{SECONDS}s", "--json", "--session", str(path)]
        command += ["--serve", "--listen", "127.0.0.1:0"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
            assert run.stderr is not None  # noqa: S101  (asked for as a pipe)
            address = run.stderr.readline().split()[-1]
            live = _live_view(path)
            if shutil.which("chromium"):
                from page_pictures import take

                take(address, path.stem, IMAGES)
            if run.wait() != 0:
                sys.exit("the demo did not pass, so the pictures stay as they were")
        if shutil.which("chromium"):
            _report(path)
        (IMAGES / "live-view.svg").write_text(live)
        (IMAGES / "demo.svg").write_text(_plot(path))


def _report(session: Path) -> None:
    from page_pictures import take_report

    page = session.with_suffix(".html")
    subprocess.run([sys.executable, "-m", "testbed", "report", str(session), "-o", str(page)], check=True)
    take_report(page, IMAGES)


# The live view --------------------------------------------------------------------------------------


def _live_view(path: Path) -> str:
    """Return the live view at SNAPSHOT as an SVG without references to fonts elsewhere."""
    while not path.exists():
        time.sleep(0.1)
    with SessionReader(path) as session:
        view = _View(session, SECONDS, "thermal-rig")
        start_ns, _ = session.span()
        while time.time_ns() - start_ns < SNAPSHOT * 1e9:
            view.update()
            time.sleep(0.25)
        console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True)
        console.print(view.draw())
    svg = console.export_svg(
        title="testbed run benches/thermal-rig.yaml --emulate all --for 30s", unique_id="live"
    )
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


# The plot -------------------------------------------------------------------------------------------

_WIDTH, _LEFT, _RIGHT, _TOP, _HEIGHT, _GAP = 860, 70, 20, 34, 130, 56


@dataclass(frozen=True)
class Curve:
    """One signal of a panel."""

    signal: str
    label: str
    colour: str


@dataclass(frozen=True)
class Panel:
    """Curves over one axis from `low` to `high` with a mark at each of `marks`; `wanted` is dashed."""

    unit: str
    low: float
    high: float
    marks: Sequence[float]
    curves: Sequence[Curve]
    wanted: float | None = None


_TEMPERATURES = (
    Curve("chamber.load_temperature", "load", "#9467bd"),
    Curve("probe.temperature", "probe", "#d62728"),
)
_PERCENT = (
    Curve("air.humidity", "humidity (BLE)", "#17a2b8"),
    Curve("vent.position", "vent (LoRaWAN)", "#8c6d31"),
    Curve("chamber.heater_duty", "heater (Modbus)", "#ff7f0e"),
)
_SPEED = (Curve("fan.speed", "fan (COBS)", "#1f77b4"),)

PANELS = (
    Panel("degC", 20, 65, (20, 40, 60), _TEMPERATURES, wanted=60),
    Panel("%", 0, 100, (0, 50, 100), _PERCENT),
    Panel("rpm", 0, 1800, (0, 750, 1500), _SPEED, wanted=1500),
)


def _plot(path: Path) -> str:
    height = _TOP + len(PANELS) * (_HEIGHT + _GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif"'
        ' font-size="13" role="img" aria-label="Temperatures, actuators and fan speed of a demo session">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    with SessionReader(path) as session:
        for index, panel in enumerate(PANELS):
            lines += _panel(session, panel, _TOP + index * (_HEIGHT + _GAP))
    return "\n".join([*lines, "</svg>", ""])


def _panel(session: SessionReader, panel: Panel, top: int) -> Iterator[str]:
    right = _WIDTH - _RIGHT

    def x(seconds: float) -> float:
        return _LEFT + (right - _LEFT) * seconds / SECONDS

    def y(value: float) -> float:
        share = (min(max(value, panel.low), panel.high) - panel.low) / (panel.high - panel.low)
        return top + _HEIGHT * (1 - share)

    for mark in panel.marks:
        yield f'<path d="M{_LEFT} {y(mark):.1f}H{right}" stroke="#e5e5e5"/>'
        yield f'<text x="{_LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end" fill="#555">{mark:g}</text>'
    yield f'<text x="{_LEFT}" y="{top - 10}" fill="#555">{panel.unit}</text>'
    for second in range(0, SECONDS + 1, 5):
        anchor = "end" if second == SECONDS else "middle"
        label = f"{second} s" if second == SECONDS else str(second)
        place = f'x="{x(second):.1f}" y="{top + _HEIGHT + 18}" text-anchor="{anchor}"'
        yield f'<text {place} fill="#555">{label}</text>'
    if panel.wanted is not None:
        yield f'<path d="M{_LEFT} {y(panel.wanted):.1f}H{right}" stroke="#999" stroke-dasharray="5 4"/>'
    for number, curve in enumerate(reversed(panel.curves)):
        yield _line(_points(session, curve.signal), curve.colour, x, y)
        label_x = right - 135 * number
        yield (
            f'<text x="{label_x}" y="{top - 10}" text-anchor="end" fill="{curve.colour}" font-weight="bold">'
            f"{curve.label}</text>"
        )


def _line(points: Points, colour: str, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    places = " ".join(f"{x(seconds):.1f},{y(value):.1f}" for seconds, value in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def _points(session: SessionReader, signal: str) -> Points:
    """Return (seconds, value) while the run lasted, at most about ten a second."""
    start_ns, _ = session.span()
    points: Points = []
    for sample in session.samples([session.signal(signal).id]):
        seconds = (sample.time_ns - start_ns) / 1e9
        if (
            sample.value == sample.value
            and seconds <= SECONDS
            and (not points or seconds - points[-1][0] >= 0.09)
        ):
            points.append((seconds, sample.value))
    return points


if __name__ == "__main__":
    main()
