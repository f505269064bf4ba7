"""A relay experiment as a picture: what was measured above, what was commanded below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement, tostring

_WIDTH, _HEIGHT, _LEFT, _GAP = 800, 420, 64, 36
_MOST = 2000  # points of a curve

Moment = tuple[float, float, float]


def draw_experiment(moments: Sequence[Moment], setpoint: float, reads: str, writes: str, title: str) -> str:
    """Return an SVG of (s, measured, commanded); `reads` and `writes` name the curves, with units."""
    svg = Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img",
    )  # fmt: skip
    svg.set("style", "background:#fff;font:13px sans-serif")
    SubElement(svg, "title").text = title
    thinned = moments[:: max(1, len(moments) // _MOST)]
    last = max(thinned[-1][0], 1e-9)
    upper = [(at, measured) for at, measured, _ in thinned]
    lower = [corner for here, there in pairwise(thinned) for corner in _step(here, there)]
    half = (_HEIGHT - 3 * _GAP) / 2
    _panel(svg, _GAP, half, upper, last, reads, "#1668b8", setpoint)
    _panel(svg, 2 * _GAP + half, half, lower or [(0.0, thinned[0][2])], last, writes, "#b8561b", None)
    _text(svg, _WIDTH / 2, _HEIGHT - 8, f"0 to {last:.4g} s", "middle")
    return tostring(svg, encoding="unicode")


def _step(here: Moment, there: Moment) -> list[tuple[float, float]]:
    return [(here[0], here[2]), (there[0], here[2])]


def _panel(
    svg: Element,
    top: float,
    height: float,
    curve: Sequence[tuple[float, float]],
    last: float,
    label: str,
    colour: str,
    line: float | None,
) -> None:
    values = [value for _, value in curve if math.isfinite(value)] + ([] if line is None else [line])
    low, high = min(values), max(values)
    span = (high - low) or 1.0

    def place(at: float, value: float) -> str:
        x = _LEFT + at / last * (_WIDTH - _LEFT - 12)
        return f"{x:.1f},{top + height - (value - low) / span * height:.1f}"

    frame = {"x": str(_LEFT), "y": f"{top:g}", "width": str(_WIDTH - _LEFT - 12), "height": f"{height:g}"}
    SubElement(svg, "rect", frame, fill="none", stroke="#ccc")
    if line is not None:
        ends = " ".join(place(at, line) for at in (0.0, last))
        SubElement(
            svg, "polyline", points=ends, fill="none", stroke="#888", attrib={"stroke-dasharray": "4 3"}
        )
    points = " ".join(place(at, value) for at, value in curve if math.isfinite(value))
    SubElement(svg, "polyline", points=points, fill="none", stroke=colour, attrib={"stroke-width": "1.5"})
    _text(svg, _LEFT, top - 8, label, "start")
    _text(svg, _LEFT - 6, top + 12, f"{high:.4g}", "end")
    _text(svg, _LEFT - 6, top + height, f"{low:.4g}", "end")


def _text(svg: Element, x: float, y: float, text: str, anchor: str) -> None:
    place = {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor, "fill": "#333"}
    SubElement(svg, "text", place).text = text
