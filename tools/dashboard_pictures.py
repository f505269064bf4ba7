"""Draws what the panels of dashboards show: their own queries, asked of an InfluxDB that a run has filled.

`python tools/dashboard_pictures.py` runs the demo bench in virtual time, forwards it to an InfluxDB of its
own and writes docs/images/dashboard-*.svg. The layout, titles, queries and colours of curves are the
dashboards'; the drawing is ours, since no Grafana is at hand here.
"""

from __future__ import annotations

import asyncio
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hil_tests.forward.sessions import forward  # noqa: E402  (the tests' own server)
from hil_tests.support.influxdb import Influxd, influxd, shim  # noqa: E402
from testbed.bench import Influxdb, load_bench  # noqa: E402
from testbed.session.file import SessionReader  # noqa: E402
from testbed.session.grafana import dashboards  # noqa: E402

BENCH = ROOT / "benches" / "thermal-rig.yaml"
IMAGES = ROOT / "docs" / "images"
PAGES = ("loops", "twins", "modbus-thermal-chamber")
_COLUMN, _ROW, _PAD = 42, 30, 8
_COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9")
_FROM_S, _TO_S = 0, 60

Series = list[tuple[str, list[tuple[float, float]]]]


def main() -> None:
    """Run the demo and draw its dashboards."""
    bench = load_bench(BENCH, {})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session = folder / "run.session"
        command = [sys.executable, "-m", "testbed", "run", str(BENCH), "--virtual", "--for", f"{_TO_S}s"]
        subprocess.run([*command, "--session", str(session)], check=True, capture_output=True)
        with SessionReader(session) as reader:
            start_ns, _ = reader.span()
        with influxd(folder) as server, shim(server) as front:
            server.create("hil")
            asyncio.run(forward(session, Influxdb(front.url, "", "hil")))
            for page in dashboards(bench):
                kind = page.uid.removeprefix(f"{bench.name}-")
                if kind in PAGES:
                    drawing = "\n".join(_page(page.as_json(), server, start_ns))
                    (IMAGES / f"dashboard-{kind}.svg").write_text(drawing + "\n")


def _page(page: dict[str, Any], server: Influxd, start_ns: int) -> Iterator[str]:
    panels = [each for each in page["panels"] if each["type"] in ("timeseries", "row", "stat")]
    panels = [each for each in panels if each["type"] == "row" or _series(each, server, start_ns)]
    tops = sorted({each["gridPos"]["y"] for each in panels})
    width = 24 * _COLUMN
    lines, y = [], 40.0
    for top in tops:
        row = [each for each in panels if each["gridPos"]["y"] == top]
        for each in row:
            lines += _panel(each, _series(each, server, start_ns), y)
        y += max(each["gridPos"]["h"] for each in row) * _ROW
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y + _PAD:g}" font-family="sans-serif"'
        f' font-size="12" role="img" aria-label="{escape(page["title"])}">'
    )
    yield f'<rect width="{width}" height="{y + _PAD:g}" fill="#111217"/>'
    yield f'<text x="12" y="26" font-size="17" fill="#d8d9da">{escape(page["title"])}</text>'
    yield from lines
    yield "</svg>"


def _series(panel: dict[str, Any], server: Influxd, start_ns: int) -> Series:
    """Return the curves of a panel: name and points (seconds of the run, value)."""
    found: dict[str, list[tuple[float, float]]] = {}
    for target in panel.get("targets", ()):
        time = f"time >= {start_ns} AND time <= {start_ns + _TO_S * 1_000_000_000}"
        statement = target["query"].replace("$timeFilter", time).replace("$__interval", "500ms")
        statement = re.sub(r"\$(session|device)", ".*", statement)
        for row in server.rows("hil", statement):
            for column, value in row.items():
                if column == "time" or not isinstance(value, int | float):
                    continue
                label = target["alias"].replace("$col", column) or column
                found.setdefault(label, []).append(((row["time"] - start_ns) / 1e9, float(value)))
    return [(name, points) for name, points in found.items() if len(points) > 1]


def _panel(panel: dict[str, Any], series: Series, y: float) -> Iterator[str]:
    place = panel["gridPos"]
    x, width, height = place["x"] * _COLUMN + 4, place["w"] * _COLUMN - 8, place["h"] * _ROW - 8
    longest = width // 7  # characters of that size
    title = escape(panel["title"].replace("$device", "chamber")[:longest])
    if panel["type"] == "row":
        yield f'<text x="{x + 6}" y="{y + 20:g}" fill="#d8d9da" font-weight="600">{title}</text>'
        return
    size = f'width="{width}" height="{height}"'
    yield f'<rect x="{x}" y="{y:g}" {size} rx="2" fill="#181b1f" stroke="#2c3235"/>'
    yield f'<text x="{x + 10}" y="{y + 20:g}" fill="#d8d9da" font-weight="600">{title}</text>'
    left, top, right, bottom = x + 56, y + 34, x + width - 12, y + height - 40
    values = [value for _, points in series for _, value in points]
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    low, high = low - 0.05 * spread, high + 0.05 * spread
    for mark in _marks(low, high):
        at = bottom - (mark - low) / (high - low) * (bottom - top)
        yield f'<path d="M{left} {at:.1f}H{right}" stroke="#2c3235"/>'
        yield f'<text x="{left - 6}" y="{at + 4:.1f}" fill="#9fa7b3" text-anchor="end">{mark:g}</text>'
    for second in range(_FROM_S, _TO_S + 1, 15 if width > 300 else 30):
        at = left + second / _TO_S * (right - left)
        yield f'<text x="{at:.1f}" y="{bottom + 16:g}" fill="#9fa7b3" text-anchor="middle">{second} s</text>'
    for number, (name, points) in enumerate(series[: len(_COLOURS)]):
        colour = _COLOURS[number]
        across, up = (right - left) / _TO_S, (bottom - top) / (high - low)
        path = " ".join(f"{left + t * across:.1f},{bottom - (v - low) * up:.1f}" for t, v in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        at = left + number * min(170, (right - left) / min(len(series), len(_COLOURS)))
        yield f'<rect x="{at}" y="{bottom + 24:g}" width="14" height="4" fill="{colour}"/>'
        yield f'<text x="{at + 20}" y="{bottom + 30:g}" fill="#d8d9da">{escape(name)}</text>'


def _marks(low: float, high: float) -> Iterator[float]:
    rough = (high - low) / 4
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * each for each in (1, 2, 5, 10) if unit * each >= rough)
    mark = math.ceil(low / step) * step
    while mark <= high:
        yield round(mark, 10)
        mark += step


if __name__ == "__main__":
    main()
