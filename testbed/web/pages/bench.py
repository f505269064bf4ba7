"""The first page of a session: the bench as a picture, what its loops do, and what was told last."""

from __future__ import annotations

from fastapi import Request
from nicegui import ui

from testbed.signals import Signal
from testbed.web.archive import About
from testbed.web.elements import h, show
from testbed.web.house import House

from .events import event_table
from .picture import bench_picture
from .plots import Panel, chart, panel_of, panels_of
from .shell import about_session, shell, visitor_of


def add(house: House) -> None:
    """Add the page /s/NAME."""

    @ui.page("/s/{name}")
    async def page(request: Request, name: str) -> None:
        about = await about_session(house, name)
        if about is None:
            return
        with shell(house, visitor_of(request), about, "Bench"):
            with ui.element("section").classes("card").props('aria-label="Bench"'):
                show(bench_picture(about))
            with ui.element("div").classes("cols"):
                with ui.element("section").classes("card").props('aria-label="Curves"'):
                    chart(house, about, _panels(about), height=170)
                with ui.element("section").classes("card"):
                    show(h("h2", "Events"))
                    show(event_table(12))


def _panels(about: About) -> list[Panel]:
    """Return a panel for what each loop reads, with what a twin predicts; without loops the first few."""
    loops = about.bench.loops.values() if about.bench else ()
    found = []
    for loop in loops:
        moving = [] if loop.moving is None else [loop.moving.signal]
        found.append(panel_of(about, [loop.reads, *moving, *_predicted(about, loop.reads)], loop.name))
    return found or panels_of(about, [s for s in about.signals if not s.writable])[:3]


def _predicted(about: About, signal: Signal) -> list[Signal]:
    """Return what a twin says of this signal, or of the same quantity on another device."""
    assert about.bench is not None  # noqa: S101  (only asked for a bench with loops)
    known = about.bench.twin_sensors
    if signal.path in known:
        return [known[signal.path].prediction]
    return [
        sensor.prediction
        for sensor in known.values()
        if (sensor.signal.name, sensor.signal.unit) == (signal.name, signal.unit)
    ]
