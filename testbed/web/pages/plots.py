"""Which curves go together: one panel a unit, with what the twin says, what is wanted, and the limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from testbed.signals import Signal
from testbed.web.archive import About
from testbed.web.elements import Chart
from testbed.web.house import House
from testbed.web.notes import read_notes

_MOST = 6  # curves in one panel that an eye can keep apart

Panel = dict[str, Any]


def panels_of(about: About, signals: Iterable[Signal]) -> list[Panel]:
    """Return panels for the signals: by unit, and where these are too many for one panel, by device."""
    groups: dict[str, list[Signal]] = {}
    for signal in signals:
        groups.setdefault(signal.unit, []).append(signal)
    found: list[Panel] = []
    for together in groups.values():
        if len(together) <= _MOST:
            found.append(panel_of(about, together))
            continue
        by_device: dict[str, list[Signal]] = {}
        for signal in together:
            by_device.setdefault(signal.device, []).append(signal)
        found += [panel_of(about, each) for each in by_device.values()]
    return sorted(found, key=lambda panel: panel["unit"] in ("", "K"))  # switches and residuals last


def panel_of(about: About, signals: list[Signal], title: str = "") -> Panel:
    """Return one panel; limits are drawn where all its signals share them, setpoints where a loop has one."""
    paths = {signal.path for signal in signals}
    lines = []
    if about.bench is not None:
        lines = [
            {"value": loop.setpoint, "label": f"{loop.name}: {loop.setpoint:g} {loop.reads.unit}"}
            for loop in about.bench.loops.values()
            if loop.reads.path in paths and loop.moving is None
        ]
    shared = {signal.limits for signal in signals}
    limits = shared.pop() if len(shared) == 1 else None
    devices = {signal.device for signal in signals}
    return {
        "title": title or " ".join(sorted(devices)),
        "unit": signals[0].unit or "on / off",
        "series": [series_of(signal) for signal in signals],
        "limits": list(limits) if limits else None,
        "lines": lines,
    }


def series_of(signal: Signal) -> dict[str, Any]:
    """Return how a signal is drawn: predictions dashed, what is commanded or switched in steps."""
    return {
        "path": signal.path,
        "label": signal.path,
        "title": signal.title,
        "dash": signal.name.endswith("_predicted"),
        "step": signal.writable or not signal.unit,
        "digits": digits_of(signal),
    }


def digits_of(signal: Signal) -> int | None:
    """Return how many decimals are shown, None: as many as its size deserves; switches have none."""
    return None if signal.unit else 0


def chart(house: House, about: About, panels: list[Panel], *, height: int = 190) -> Chart:
    """Put a session's curves on the page."""
    start = about.meta.get("started_ns", 0) / 1e6
    end = about.meta.get("ended_ns", 0) / 1e6
    notes = [
        {"t": note.time_ns / 1e6, "text": note.text} for note in read_notes(house.archive.path(about.name))
    ]
    return Chart(about.name, panels, {about.name: start}, end, live=about.running, height=height, notes=notes)
