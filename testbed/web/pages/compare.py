"""Two sessions laid over each other, each counted from its own start."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from fastapi import Request
from nicegui import ui

from testbed.web.archive import About
from testbed.web.elements import Chart, h, show
from testbed.web.house import House

from .plots import Panel, series_of
from .shell import about_session, address, page_frame, visitor_of


def add(house: House) -> None:
    """Add the page /compare?a=NAME&b=NAME."""

    @ui.page("/compare")
    async def page(request: Request, a: str = "", b: str = "") -> None:
        visitor_of(request)
        first = await about_session(house, a)
        second = await about_session(house, b) if first else None
        if first is None or second is None:
            return
        with ui.element("header").classes("bar"), ui.element("div").classes("row1"):
            show(
                h("div", h("a", "testbed", h("small", "two sessions"), href="/?from=compare", class_="brand"))
            )
        with page_frame(), ui.element("section").classes("card"):
            show(_who(first, second))
            panels = _panels(first, second)
            if not panels:
                ui.label("They have no signal in common.")
                return
            starts = {each.name: each.meta.get("started_ns", 0) / 1e6 for each in (first, second)}
            length = max(_length_ms(first), _length_ms(second))
            Chart(first.name, panels, starts, length, live=False, elapsed=True, height=170)


def _who(first: About, second: About) -> Element:
    def one(mark: str, about: About) -> Element:
        return h(
            "div", h("dt", mark),
            h("dd", h("a", about.name, href=address(about.name)), " ",
              h("span", about.verdict, class_="word", data_is=about.verdict)),
        )  # fmt: skip

    return h("dl", one("solid", first), one("dashed", second), class_="facts")


def _length_ms(about: About) -> float:
    return max(0.0, float(about.meta.get("ended_ns", 0) - about.meta.get("started_ns", 0)) / 1e6)


def _panels(first: About, second: About) -> list[Panel]:
    """Return a panel for each signal that both have in the same unit."""
    other = {signal.path: signal for signal in second.signals}
    return [
        {
            "title": signal.path,
            "unit": signal.unit or "on / off",
            "series": [
                {
                    **series_of(signal),
                    "label": f"{signal.path} {mark}",
                    "session": about.name,
                    "dash": mark == "B",
                }
                for mark, about in (("A", first), ("B", second))
            ],
            "limits": None,
            "lines": [],
        }
        for signal in first.signals
        if signal.path in other and other[signal.path].unit == signal.unit
    ]
