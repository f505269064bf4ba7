"""Two sessions laid over each other, each counted from its own start, and how far they are apart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from fastapi import Request
from nicegui import ui

from testbed.errors import TestbedError
from testbed.session.compare import Kind, Rules, SessionRecording, compare
from testbed.session.file import SessionReader
from testbed.web.archive import About
from testbed.web.elements import Chart, h, show
from testbed.web.house import House

from .plots import Panel, series_of
from .report import number, table
from .shell import about_session, address, page_frame, visitor_of

_WITHIN_NS = 100_000_000
"""Two runs never sample at the same nanosecond: a tenth of a second apart is the same moment here."""


def add(house: House) -> None:
    """Add the page /compare?a=NAME&b=NAME."""

    @ui.page("/compare")
    async def page(request: Request, a: str = "", b: str = "") -> None:
        visitor_of(request)
        first = await about_session(house, a)
        second = await about_session(house, b) if first else None
        if first is None or second is None:
            return
        apart = await _apart(house, first, second)
        with ui.element("header").classes("bar"), ui.element("div").classes("row1"):
            show(
                h("div", h("a", "testbed", h("small", "two sessions"), href="/?from=compare", class_="brand"))
            )
        with page_frame():
            with ui.element("section").classes("card"):
                show(_who(first, second))
                show(h("div", apart, class_="scroll"))
            with ui.element("section").classes("card").props('aria-label="Curves"'):
                _curves(first, second)


def _curves(first: About, second: About) -> None:
    panels = _panels(first, second)
    if not panels:
        ui.label("They have no signal in common.")
        return
    starts = {each.name: each.meta.get("started_ns", 0) / 1e6 for each in (first, second)}
    length = max(_length_ms(first), _length_ms(second))
    Chart(first.name, panels, starts, length, live=False, elapsed=True, height=170)


def _who(first: About, second: About) -> Element:
    def one(mark: str, about: About) -> Element:
        word = h("span", about.verdict, class_="word", data_is=about.verdict)
        return h("div", h("dt", mark), h("dd", h("a", about.name, href=address(about.name)), " ", word))

    return h("dl", one("A, solid", first), one("B, dashed", second), class_="facts")


async def _apart(house: House, first: About, second: About) -> Element:
    """Return the table of differences, or why there is none."""
    paths = house.archive.path(first.name), house.archive.path(second.name)
    try:
        return _differences(await asyncio.to_thread(_compared, *paths), first)
    except TestbedError as error:
        return h("p", str(error), class_="quiet")


def _compared(first: Path, second: Path) -> dict[str, Any]:
    rules = Rules(kinds=frozenset([Kind.SAMPLES]), within_ns=_WITHIN_NS)
    with SessionReader(first) as a, SessionReader(second) as b:
        return compare(SessionRecording(a), SessionRecording(b), rules).as_dict()


def _differences(told: dict[str, Any], about: About) -> Element:
    units = {signal.path: signal.unit for signal in about.signals}
    rows = [
        [path, str(each["a"]), str(each["b"]), number(each["max_error"]), number(each["rms_error"]),
         units.get(path, ""), number(each["max_error_at_s"])]
        for path, each in sorted(told["signals"].items(), key=lambda item: item[1]["same"])
    ]  # fmt: skip
    heads = ("signal", "samples in A", "in B", "largest difference", "root mean square", "", "at, in s")
    return table(heads, rows)


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
