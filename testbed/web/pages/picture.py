"""The bench as a picture: devices with their wires and signals, and the loops between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from testbed.bench import Bench, Loop
from testbed.signals import Signal
from testbed.web.archive import About
from testbed.web.elements import h

from .plots import digits_of
from .shell import address

WIDTH = 1060
_DEVICE, _LOOP = 346, 216
_HEAD, _ROW, _GAP, _FOOT = 50, 23, 18, 8
_LOOP_HEIGHT = 104


@dataclass(frozen=True)
class Place:
    """Where something stands, and on which side the loops are."""

    x: float
    y: float
    right: bool


def bench_picture(about: About) -> Element:
    """Return the picture; values, health and modes in it are kept new by live.js."""
    devices: dict[str, Any] = about.meta.get("devices", {})
    shown = {name: _rows(about, name) for name in devices}
    columns = _columns(shown)
    parts: list[Element] = []
    places: dict[str, Place] = {}
    heights = []
    for right, names in enumerate(columns):
        y = 0.0
        for name in names:
            x = WIDTH - _DEVICE if right else 0
            parts.append(_device(about, name, devices[name], shown[name], x, y))
            for number, signal in enumerate(shown[name]):
                edge = x if right else x + _DEVICE
                places[signal.path] = Place(edge, y + _HEAD + _ROW * (number + 0.5), not right)
            y += _height(shown[name]) + _GAP
        heights.append(y - _GAP)
    loops = list(about.bench.loops.values()) if about.bench else []
    tall = len(loops) * (_LOOP_HEIGHT + _GAP) - _GAP
    height = max(*heights, tall, 60)
    wires: list[Element] = []
    boxes: list[Element] = []
    for number, loop in enumerate(loops):
        top = _top(height, tall, number)
        boxes.append(_loop(about, loop, top))
        wires += _wires(loop, top, places)
    tops = {loop.moving.signal.path: _top(height, tall, at) for at, loop in enumerate(loops) if loop.moving}
    wires += [
        part
        for at, loop in enumerate(loops)
        if loop.writes.path in tops
        for part in _lead(_top(height, tall, at), tops[loop.writes.path])
    ]
    return h(
        "svg", *wires, *parts, *boxes, viewBox=f"-2 -2 {WIDTH + 4} {height + 4}", class_="bench", role="img",
        aria_label="The bench: devices, their signals, and the loops between them",
    )  # fmt: skip


def _top(height: float, tall: float, number: int) -> float:
    """Return where the box of a loop begins."""
    return (height - tall) / 2 + number * (_LOOP_HEIGHT + _GAP)


def _lead(outer: float, inner: float) -> list[Element]:
    """Return the curve from an outer loop's output to the inner loop's setpoint, with its tip."""
    x, start, end = (WIDTH + _LOOP) / 2, outer + 85, inner + 41
    curve = f"M{x} {start}C{x + 44} {start} {x + 44} {end} {x} {end}"
    return [
        h("path", d=curve, class_="writes"),
        h("path", d=f"M{x} {end}l7 -4v8z", class_="tip-writes"),
    ]


def _rows(about: About, device: str) -> list[Signal]:
    """Return the signals of a device that have a row; what a twin adds stands beside what it predicts."""
    twin = _twin(about.bench, device)
    return [signal for signal in about.of(device) if signal.path not in twin]


def _twin(bench: Bench | None, device: str) -> dict[str, str]:
    """Return which signals twins add to a device, and of which one."""
    sensors = bench.twin_sensors.values() if bench else ()
    return {
        added.path: sensor.signal.path
        for sensor in sensors
        if sensor.signal.device == device
        for added in (sensor.prediction, sensor.sigma, sensor.residual)
    }


def _columns(shown: dict[str, list[Signal]]) -> tuple[list[str], list[str]]:
    """Return the devices left and right of the loops, in their order, about equally tall."""
    whole = sum(_height(rows) for rows in shown.values())
    left: list[str] = []
    taken = 0.0
    for name, rows in shown.items():
        if left and taken + _height(rows) / 2 > whole / 2:
            break
        left.append(name)
        taken += _height(rows)
    return left, [name for name in shown if name not in left]


def _height(rows: Iterable[Signal]) -> float:
    return _HEAD + _ROW * len(list(rows)) + _FOOT


def _device(about: About, name: str, told: dict[str, Any], rows: list[Signal], x: float, y: float) -> Element:
    watched = " ".join(signal.path for signal in rows if not signal.writable)
    wire = str(told.get("wire", "")).partition("?")[0]
    where = f"emulated, {wire}" if told.get("emulated") else wire
    head = h(
        "a",
        h("text", name, x=28, y=21, class_="head"),
        h("text", str(told.get("profile", "")), x=_DEVICE - 14, y=21, class_="quiet", text_anchor="end"),
        href=address(about.name, f"/device/{name}"),
    )
    twin = {of: added for added, of in reversed(_twin(about.bench, name).items())}
    return h(
        "g",
        h("rect", x=0, y=0, width=_DEVICE, height=_height(rows), rx=9, class_="box"),
        h("circle", cx=16, cy=16.5, r=5, class_="dot", data_device=name, data_signals=watched),
        head,
        h("text", _short(where, 52), x=28, y=38, class_="quiet"),
        *(
            part
            for number, signal in enumerate(rows)
            for part in _signal(signal, number, twin.get(signal.path))
        ),
        transform=f"translate({x} {y})",
    )


def _signal(signal: Signal, number: int, prediction: str | None) -> list[Element]:
    y = _HEAD + _ROW * number + 15
    parts = [
        h("circle", cx=16, cy=y - 4.5, r=3, class_="dot", data_health=signal.path),
        h("text", signal.name, h("title", signal.title or signal.path), x=28, y=y),
        h(
            "text",
            "\u2013",
            x=_DEVICE - 64,
            y=y,
            class_="num",
            data_value=signal.path,
            data_digits=digits_of(signal),
        ),
        h("text", signal.unit, x=_DEVICE - 58, y=y, class_="unit"),
    ]
    if prediction is not None:
        parts.append(h("text", "twin", x=150, y=y, class_="twin"))
        parts.append(h("text", "\u2013", x=218, y=y, class_="twin num", data_value=prediction))
    return parts


def _loop(about: About, loop: Loop, top: float) -> Element:
    def line(y: float, label: str, value: Element, unit: str) -> list[Element]:
        return [
            h("text", label, x=14, y=y, class_="quiet"),
            value,
            h("text", unit, x=_LOOP - 48, y=y, class_="unit"),
        ]

    def live(y: float, path: str) -> Element:
        return h("text", "\u2013", x=_LOOP - 54, y=y, class_="num", data_value=path)

    fixed = h("text", f"{loop.setpoint:g}", x=_LOOP - 54, y=46, class_="num")
    wanted = fixed if loop.moving is None else live(46, loop.moving.signal.path)
    return h(
        "g",
        h("rect", x=0, y=0, width=_LOOP, height=_LOOP_HEIGHT, rx=9, class_="box"),
        h("a", h("text", loop.name, x=14, y=22, class_="head"), href=address(about.name, "/loops")),
        h("text", x=_LOOP - 14, y=22, class_="mode", data_mode=loop.name),
        *line(46, "wanted", wanted, loop.reads.unit),
        *line(68, "measured", live(68, loop.reads.path), loop.reads.unit),
        *line(90, "output", live(90, loop.writes.path), loop.writes.unit),
        transform=f"translate({(WIDTH - _LOOP) / 2} {top})",
    )


def _wires(loop: Loop, top: float, places: dict[str, Place]) -> list[Element]:
    """Return the two curves of a loop: from what it reads, to what it writes; each with its tip."""
    found: list[Element] = []
    for kind, path, y in (("reads", loop.reads.path, top + 63), ("writes", loop.writes.path, top + 85)):
        place = places.get(path)
        if place is None:
            continue
        edge = (WIDTH - _LOOP) / 2 if place.right else (WIDTH + _LOOP) / 2
        middle = (place.x + edge) / 2
        found.append(
            h("path", d=f"M{place.x} {place.y}C{middle} {place.y} {middle} {y} {edge} {y}", class_=kind)
        )
        x, at, sign = (edge, y, 1 if place.right else -1) if kind == "reads" else (
            place.x, place.y, -1 if place.right else 1
        )  # fmt: skip
        found.append(h("path", d=f"M{x} {at}l{-7 * sign} -4v8z", class_=f"tip-{kind}"))
    return found


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"
