"""What is around every page: the bar with the run, the ways to the other pages, and the stop button."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import quote
from xml.etree.ElementTree import Element

from fastapi import Request
from nicegui import ui

from testbed.errors import TestbedError
from testbed.web.access import Role, Visitor
from testbed.web.archive import About
from testbed.web.elements import h, show
from testbed.web.house import House

_TABS = (
    ("", "Bench"),
    ("/curves", "Curves"),
    ("/loops", "Loops"),
    ("/events", "Events"),
    ("/report", "Report"),
)


def visitor_of(request: Request) -> Visitor:
    """Return who asks for a page; the gate let them in."""
    visitor: Visitor = request.state.visitor
    return visitor


def address(session: str, rest: str = "") -> str:
    """Return the path of a page of a session."""
    return f"/s/{quote(session, safe='')}{rest}"


async def about_session(house: House, name: str) -> About | None:
    """Return what a session is; otherwise says what is wrong with it and returns None."""
    try:
        return await house.archive.about(name)
    except TestbedError as error:
        with page_frame():
            ui.label(str(error)).classes("card")
            ui.link("All sessions", "/")
        return None


@contextlib.contextmanager
def page_frame() -> Iterator[None]:
    """Make a page with our looks and nothing on it yet."""
    ui.add_head_html(
        '<link rel="stylesheet" href="/public/uplot.css"><link rel="stylesheet" href="/public/theme.css">'
        '<script src="/public/uplot.js"></script><script src="/public/live.js"></script>'
    )
    ui.page_title("testbed")
    with ui.element("main").classes("page"):
        yield


@contextlib.contextmanager
def shell(house: House, visitor: Visitor, about: About, here: str) -> Iterator[None]:
    """Make the page of a session: the bar, and below it what the block puts there; `here` is its tab."""
    with ui.element("header").classes("bar"):
        with ui.element("div").classes("row1"):
            show(_run(about))
            with ui.element("div").classes("right"):
                _right(house, visitor, about)
        show(_tabs(about, here))
    with page_frame():
        yield
    ui.page_title(f"{about.meta.get('bench', about.name)} - testbed")
    start = about.meta.get("started_ns", 0) / 1e6
    end = about.meta.get("ended_ns", 0) / 1e6
    arguments = ", ".join(json.dumps(each) for each in (about.name, start, end))
    ui.run_javascript(f"window.testbed.follow({arguments})")


def guarded(
    house: House, visitor: Visitor, act: Callable[[], Awaitable[object]]
) -> Callable[[], Awaitable[None]]:
    """Return a handler that acts only for who is still logged in, and shows what went wrong.

    A page outlives the login by which it was opened.
    """

    async def handle() -> None:
        if not house.doorkeeper.admits(visitor):
            ui.navigate.to("/login")
            return
        try:
            await act()
        except TestbedError as error:
            ui.notify(str(error), type="negative", multi_line=True, close_button="OK")

    return handle


def _run(about: About) -> Element:
    return h(
        "div",
        h(
            "a",
            str(about.meta.get("bench", about.name)),
            h("small", about.name),
            href=address(about.name),
            class_="brand",
        ),
        " ",
        h("span", class_="chip", data_verdict="", role="status"),
        " ",
        h("span", "00:00", class_="time", data_elapsed="", title="time since the start"),
        " ",
        h("span", class_="link", data_link="", role="alert"),
        class_="row1",
        style="padding:0",
    )


def _right(house: House, visitor: Visitor, about: About) -> None:
    if not house.doorkeeper.open:
        show(
            h(
                "div",
                h("span", f"{visitor.name}, {visitor.role.word}", class_="who"),
                " ",
                h(
                    "form",
                    h("button", "Log out", class_="plain", type="submit"),
                    method="post",
                    action="/logout",
                ),
                style="display:flex;gap:10px;align-items:center",
            )
        )
    if about.running and house.running == about.name and visitor.role >= Role.OPERATOR:
        stop = guarded(house, visitor, lambda: house.hands.stop(visitor))
        ui.button("STOP", on_click=stop, color=None).classes("stop").props(
            'unelevated aria-label="Stop the run and bring every actuator to its safe value"'
        ).tooltip("every actuator goes to its safe value, then the run ends")


def _tabs(about: About, here: str) -> Element:
    devices = [
        h(
            "a",
            name,
            href=address(about.name, f"/device/{name}"),
            aria_current="page" if here == name else None,
        )
        for name in about.meta.get("devices", {})
    ]
    tabs = [
        h("a", label, href=address(about.name, rest), aria_current="page" if here == label else None)
        for rest, label in _TABS
    ]
    return h("nav", *tabs[:2], *devices, *tabs[2:], h("a", "All sessions", href="/"), aria_label="Pages")
