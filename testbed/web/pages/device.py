"""The page of one device, made from its profile: every signal, its curves, and its actuators in hand."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from fastapi import Request
from nicegui import ui

from testbed.signals import Signal
from testbed.web.access import Role
from testbed.web.archive import About
from testbed.web.elements import h, show
from testbed.web.house import House

from .actuator import Actuator
from .breaking import Breaking
from .plots import chart, digits_of, panels_of
from .shell import about_session, shell, visitor_of


def add(house: House) -> None:
    """Add the page /s/NAME/device/DEVICE."""

    @ui.page("/s/{name}/device/{device}")
    async def page(request: Request, name: str, device: str) -> None:
        about = await about_session(house, name)
        if about is None:
            return
        visitor = visitor_of(request)
        signals = about.of(device)
        with shell(house, visitor, about, device):
            if not signals:
                ui.label(f"This bench has no device {device!r}.").classes("card")
                return
            with ui.element("div").classes("cols"):
                with ui.element("section").classes("card"):
                    show(_heading(about, device, about.meta.get("devices", {}).get(device, {})))
                    show(_table(signals))
                actuators = [signal for signal in signals if signal.writable]
                with ui.element("section").classes("card"):
                    show(h("h2", "Actuators" if actuators else "No actuators"))
                    for signal in actuators:
                        may = about.running and name == house.running and visitor.role >= Role.OPERATOR
                        Actuator(house, visitor, about, signal, may=may)
            if about.running and name == house.running:
                with ui.element("section").classes("card").props('aria-label="Faults"'):
                    Breaking(house, visitor, about, device)
            with ui.element("section").classes("card").props('aria-label="Curves"'):
                chart(house, about, panels_of(about, signals))


def _heading(about: About, device: str, told: dict[str, Any]) -> Element:
    watched = " ".join(signal.path for signal in about.of(device) if not signal.writable)
    title = about.bench.devices[device].profile.title if about.bench and device in about.bench.devices else ""
    emulated = ", emulated" if told.get("emulated") else ""
    return h(
        "div",
        h("h1", h("span", device, class_="health", data_device=device, data_signals=watched)),
        h("div", title),
        h("div", f"{told.get('profile', '')}, {told.get('wire', '')}{emulated}", class_="quiet mono"),
        style="margin-bottom:12px",
    )


def _table(signals: list[Signal]) -> Element:
    heads = ("signal", "value", "", "limits", "safe", "rate", "quality")
    rows = [_row(signal) for signal in signals]
    head = h("tr", *(h("th", each) for each in heads))
    return h("div", h("table", h("thead", head), h("tbody", *rows), class_="list"), class_="scroll")


def _row(signal: Signal) -> Element:
    limits = f"{signal.limits[0]:g} to {signal.limits[1]:g}" if signal.limits else ""
    rate = f"{1e9 / signal.period_ns:g} Hz" if signal.period_ns else ""
    return h(
        "tr",
        h("td", signal.name, h("div", signal.title, class_="quiet", style="font-size:12px")),
        h("td", h("b", "\u2013", data_value=signal.path, data_digits=digits_of(signal)), class_="num"),
        h("td", signal.unit, class_="quiet"),
        h("td", limits, class_="quiet"),
        h("td", "" if signal.safe is None else f"{signal.safe:g}", class_="quiet"),
        h("td", rate, class_="quiet"),
        h("td", h("span", "waiting", class_="health", data_health=signal.path, data_says="")),
    )
