"""What of a device is broken on purpose, and what an administrator may break."""

from __future__ import annotations

from nicegui import ui

from testbed.bench.faults import CATALOGUE, Fault, Place
from testbed.errors import UsageError
from testbed.session.control_messages import Fault as Running
from testbed.web.access import Role, Visitor
from testbed.web.archive import About
from testbed.web.elements import h, show
from testbed.web.house import House

from .shell import guarded

_LOOK_S = 1.0


class Breaking:
    """The faults of one device of a run: those that are on, and a form to begin one."""

    def __init__(self, house: House, visitor: Visitor, about: About, device: str) -> None:
        """Put it on the page."""
        self._house = house
        self._visitor = visitor
        self._device = device
        self._shown: list[Running] | None = None
        show(h("h2", "Faults"))
        self._list = ui.element("div").props(f'aria-label="Faults of {device}"')
        if visitor.role >= Role.ADMIN:
            self._form(_possible(about, device))
        ui.timer(_LOOK_S, self._look)

    def _form(self, faults: dict[str, Fault]) -> None:
        self._faults = faults
        with ui.element("div").classes("row"):
            self._fault = ui.select(list(faults), label="fault", on_change=self._explain)
            self._fault.props("outlined dense").classes("wanted")
            self._told = ui.input("parameters", placeholder="by=200ms share=0.5")
            self._told.props('outlined dense aria-label="Parameters"')
            self._lasts = ui.input("for", placeholder="until mended").props('outlined dense aria-label="For"')
            act = guarded(self._house, self._visitor, self._break)
            ui.button("Break", on_click=act, color=None).props("unelevated no-caps").classes("act")
        self._answer = ui.label().classes("quiet").props("role=status")

    def _explain(self) -> None:
        fault = self._faults.get(str(self._fault.value))
        if fault is None:
            return
        told = "; ".join(f"{name}: {each.what}" for name, each in fault.parameters.items())
        self._answer.text = f"{fault.what}{f' ({told})' if told else ''}"

    async def _break(self) -> None:
        name = str(self._fault.value or "")
        if not name:
            raise UsageError("which fault?")
        told = dict(_parameter(each) for each in (self._told.value or "").split())
        lasts = (self._lasts.value or "").strip() or None
        await self._house.hands.break_(self._visitor, self._device, name, told, lasts)
        self._answer.text = f"{name} begins"

    def _look(self) -> None:
        """Show what is on, if that has changed."""
        standing = self._house.hands.standing
        running = [each for each in standing.faults if each.device == self._device] if standing else []
        told = [Running(each.device, each.fault, each.who, None) for each in running]
        if told == self._shown:
            return
        self._shown = told
        self._list.clear()
        with self._list:
            if not running:
                show(h("div", "nothing is broken on purpose", class_="quiet"))
            for each in running:
                self._row(each)

    def _row(self, each: Running) -> None:
        with ui.element("div").classes("row"):
            show(h("span", h("b", each.fault), f", asked for by {each.who}"))
            if self._visitor.role >= Role.ADMIN:

                async def mend() -> None:
                    await self._house.hands.mend(self._visitor, each.device, each.fault)

                button = ui.button("Mend", on_click=guarded(self._house, self._visitor, mend), color=None)
                button.props(f'unelevated no-caps aria-label="Mend {each.fault}"').classes("quietly")


def _possible(about: About, device: str) -> dict[str, Fault]:
    """Return what can be broken: at the wire always, the rest where the device is emulated."""
    emulated = bool(about.meta.get("devices", {}).get(device, {}).get("emulated"))
    known = about.bench.devices.get(device) if about.bench else None
    protocol, scheme, firmware = "", "", False
    if known is not None:
        protocol, scheme, firmware = known.profile.protocol, known.wire.scheme, known.firmware is not None
    return {
        name: fault
        for name, fault in CATALOGUE.items()
        if fault.place is Place.WIRE or (emulated and not fault.unsuited(protocol, scheme, firmware=firmware))
    }


def _parameter(text: str) -> tuple[str, float | str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r} is no NAME=VALUE", "write for example by=200ms")
    return name, value
