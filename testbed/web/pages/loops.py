"""How the loops keep their time: counts, percentiles, histograms, and what they make of their signals."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from fastapi import Request
from nicegui import ui

from testbed.bench import Loop
from testbed.web.access import Role, Visitor
from testbed.web.archive import About
from testbed.web.elements import h, show
from testbed.web.house import House

from .actuator import Actuator
from .plots import chart, panel_of
from .shell import about_session, shell, visitor_of

_DECADES = ((0, "1 \u00b5s"), (2, "100 \u00b5s"), (3, "1 ms"), (4, "10 ms"), (5, "100 ms"), (6, "1 s"))


def add(house: House) -> None:
    """Add the page /s/NAME/loops."""

    @ui.page("/s/{name}/loops")
    async def page(request: Request, name: str) -> None:
        about = await about_session(house, name)
        if about is None:
            return
        loops = list(about.bench.loops.values()) if about.bench else []
        with shell(house, visitor_of(request), about, "Loops"):
            if not loops:
                ui.label("This bench has no loops.").classes("card")
            for loop in loops:
                with ui.element("section").classes("card").props(f'aria-label="Loop {loop.name}"'):
                    _loop(house, visitor_of(request), about, loop)


def _loop(house: House, visitor: Visitor, about: About, loop: Loop) -> None:
    show(
        h(
            "h2",
            f"{loop.name} ",
            h("span", class_="mode", data_mode=loop.name),
        )
    )
    show(_facts(loop))
    if loop.moving is not None and loop.moving.signal.writable:
        may = about.running and about.name == house.running and visitor.role >= Role.OPERATOR
        Actuator(house, visitor, about, loop.moving.signal, may=may)
    with ui.element("div").classes("two"):
        show(_histogram(loop, "latency", "From the arrival of a sample to its command acknowledged"))
        show(_histogram(loop, "lateness", "How late a cycle began"))
    held = [loop.reads] if loop.moving is None else [loop.reads, loop.moving.signal]
    chart(house, about, [panel_of(about, held), panel_of(about, [loop.writes])], height=140)


def _facts(loop: Loop) -> Element:
    live = {
        key: h("dd", "\u2013", data_timing=f"{loop.name}:{key}")
        for key in ("cycles", "overruns", "acted_safe")
    }
    moving = loop.moving
    wanted = f"{loop.setpoint:g}" if moving is None else h("span", "\u2013", data_value=moving.signal.path)
    facts = {
        "reads": h("dd", loop.reads.path),
        "wanted": h("dd", wanted, f" {loop.reads.unit}"),
        "writes": h("dd", loop.writes.path),
        "rate": h("dd", f"{1e9 / loop.period_ns:g} Hz"),
        "cycles": live["cycles"],
        "overruns": live["overruns"],
        "acted safe": live["acted_safe"],
    }
    return h("dl", *(h("div", h("dt", name), value) for name, value in facts.items()), class_="facts")


def _histogram(loop: Loop, what: str, title: str) -> Element:
    key = f"{loop.name}:{what}"
    marks = [
        h("text", label, x=decade * 80 + (14 if decade == 0 else 0), y=114) for decade, label in _DECADES
    ]
    figures = [
        part
        for share in ("p50", "p99")
        for part in (f"  {share} ", h("b", "\u2013", data_timing=f"{key}:{share}"))
    ]
    return h(
        "figure",
        h("figcaption", h("span", title, class_="quiet"), *figures),
        h(
            "svg",
            h("line", x1=0, x2=560, y1=96.5, y2=96.5, class_="axis"),
            h("g", data_histogram=key),
            *marks,
            viewBox="0 0 560 120", class_="histogram", role="img", aria_label=title,
        ),
        style="margin:0",
    )  # fmt: skip
