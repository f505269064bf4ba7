"""What people were told, the newest first, and what they noted."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from fastapi import Request
from nicegui import ui

from testbed.session.file import utc_text
from testbed.web.elements import h, show
from testbed.web.house import House
from testbed.web.notes import Note, read_notes

from .shell import about_session, shell, visitor_of


def add(house: House) -> None:
    """Add the page /s/NAME/events."""

    @ui.page("/s/{name}/events")
    async def page(request: Request, name: str) -> None:
        about = await about_session(house, name)
        if about is None:
            return
        notes = read_notes(house.archive.path(name))
        with shell(house, visitor_of(request), about, "Events"):
            if notes:
                with ui.element("section").classes("card"):
                    show(h("h2", "Notes"))
                    show(note_table(notes))
            with ui.element("section").classes("card"):
                show(h("h2", "Events"))
                show(event_table(500))


def event_table(most: int) -> Element:
    """Return the table that live.js fills with the newest events."""
    head = h("tr", h("th", "time"), h("th", "source"), h("th", "event"))
    body = h("tbody", data_events=most, aria_live="polite")
    return h("div", h("table", h("thead", head), body, class_="list events"), class_="scroll")


def note_table(notes: list[Note]) -> Element:
    """Return a table of notes."""
    rows = [
        h(
            "tr",
            h("td", utc_text(note.time_ns), class_="time"),
            h("td", note.who, class_="source"),
            h("td", note.text),
        )
        for note in notes
    ]
    return h("table", h("tbody", *rows), class_="list events")
