"""All recorded sessions of the folder; two of them can be laid over each other."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from fastapi import Request
from nicegui import ui

from testbed.session.file import Entry, utc_text
from testbed.web.elements import h, show
from testbed.web.house import House

from .shell import address, page_frame


def add(house: House) -> None:
    """Add the page /, which leads to the run if there is one; /sessions lists all."""

    @ui.page("/")
    async def first(request: Request) -> None:
        if house.running and "from" not in request.query_params and not request.headers.get("referer"):
            ui.navigate.to(address(house.running))
            return
        await _list(house)


async def _list(house: House) -> None:
    entries = await house.archive.entries()
    with ui.element("header").classes("bar"), ui.element("div").classes("row1"):
        show(h("div", h("span", "testbed", h("small", str(house.archive.folder)), class_="brand")))
    with page_frame(), ui.element("section").classes("card"):
        show(h("h2", "Sessions"))
        if not entries:
            ui.label("Nothing is recorded here yet: testbed run bench.yaml").classes("quiet")
            return
        _table(entries)


def _table(entries: list[Entry]) -> None:
    chosen: list[str] = []
    compare = ui.button("Compare the two", color=None, on_click=lambda: _compare(chosen))
    compare.props("unelevated no-caps").classes("act").set_visibility(False)

    def choose(name: str, wanted: bool) -> None:
        if wanted:
            chosen.append(name)
        elif name in chosen:
            chosen.remove(name)
        compare.set_visibility(len(chosen) == 2)

    with ui.element("table").classes("list"):
        _head("", "session", "started", "duration", "verdict", "size")
        with ui.element("tbody"):
            for entry in entries:
                _row(entry, choose)


def _head(*words: str) -> None:
    with ui.element("thead"), ui.element("tr"):
        for word in words:
            with ui.element("th"):
                ui.label(word)


def _row(entry: Entry, choose: Callable[[str, bool], None]) -> None:
    name = entry.path.stem
    with ui.element("tr"):
        with ui.element("td"):
            box = ui.checkbox(on_change=lambda event: choose(name, bool(event.value)))
            box.props("dense").props["aria-label"] = f"Compare {name}"
        with ui.element("td"):
            ui.link(name, address(name))
            if entry.problem:
                ui.label(entry.problem.splitlines()[0]).classes("quiet")
        for text in (
            utc_text(entry.started_ns) if entry.started_ns else "",
            f"{entry.duration_s:.1f} s",
        ):
            with ui.element("td"):
                ui.label(text)
        with ui.element("td"):
            show(h("span", entry.verdict, class_="word", data_is=entry.verdict))
        with ui.element("td").classes("num"):
            ui.label(f"{entry.size / 1e6:.1f} MB")


def _compare(chosen: list[str]) -> None:
    ui.navigate.to(f"/compare?{urlencode({'a': chosen[0], 'b': chosen[1]})}")
