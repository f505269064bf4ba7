"""Every signal of a session, from all of it to a millisecond, with notes on its moments."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request
from nicegui import ui

from testbed.web.access import Role, Visitor
from testbed.web.archive import About
from testbed.web.elements import Chart
from testbed.web.hands import require
from testbed.web.house import House
from testbed.web.notes import LONGEST, add_note

from .plots import chart, panels_of
from .shell import about_session, guarded, shell, visitor_of


def add(house: House) -> None:
    """Add the page /s/NAME/curves."""

    @ui.page("/s/{name}/curves")
    async def page(request: Request, name: str) -> None:
        about = await about_session(house, name)
        if about is None:
            return
        visitor = visitor_of(request)
        with (
            shell(house, visitor, about, "Curves"),
            ui.element("section").classes("card").props('aria-label="Curves"'),
        ):
            curves = chart(house, about, panels_of(about, about.signals))
            if visitor.role >= Role.OPERATOR:
                _notes(house, visitor, about, curves)


def _notes(house: House, visitor: Visitor, about: About, curves: Chart) -> None:
    """Let a moment be marked with a click, and a note be put there."""
    moment = {"ms": 0.0}
    with ui.element("div").classes("marked") as row:
        at = ui.label().classes("mono")
        text = ui.input("Note about this moment").props(f"outlined dense maxlength={LONGEST}").classes("grow")
        row.set_visibility(False)

    def pointed(ms: float) -> None:
        moment["ms"] = ms
        at.text = f"{datetime.fromtimestamp(ms / 1e3).astimezone():%H:%M:%S.%f}"[:-3]
        row.set_visibility(True)

    async def save() -> None:
        require(visitor, Role.OPERATOR)
        note = add_note(
            house.archive.path(about.name), round(moment["ms"] * 1e6), visitor.name, text.value or ""
        )
        curves.add_note({"t": note.time_ns / 1e6, "text": note.text})
        text.value = ""
        row.set_visibility(False)

    act = guarded(house, visitor, save)
    with row:
        ui.button("Add note", on_click=act, color=None).props("unelevated no-caps").classes("act")
    text.on("keydown.enter", act)
    curves.on_moment(pointed)
