"""An actuator in hand: taken, commanded, given back; gone with the page that took it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from xml.etree.ElementTree import Element

from nicegui import ui

from testbed.errors import TestbedError
from testbed.signals import Signal
from testbed.web.access import Visitor
from testbed.web.archive import About
from testbed.web.elements import Heartbeat, h, show
from testbed.web.house import House

from .plots import digits_of
from .shell import guarded

_LEASE_S = 5.0
"""A page beats once a second; when four beats are missing, nobody is there."""


class Actuator:
    """One writable signal on a device's page; its value can be set while the page has it in hand."""

    def __init__(self, house: House, visitor: Visitor, about: About, signal: Signal, *, may: bool) -> None:
        """Put it on the page; `may` is whether this visitor may take it."""
        self._house = house
        self._visitor = visitor
        self._signal = signal
        self._lease = ""
        self._beat: Heartbeat | None = None
        self._loop = next(
            (each.name for each in about.bench.loops.values() if each.writes.path == signal.path)
            if about.bench
            else iter(()),
            "",
        )
        with ui.element("div").classes("actuator"):
            show(self._told())
            if may:
                self._controls()

    def _told(self) -> Element:
        signal = self._signal
        mode = (
            h("span", "loop ", self._loop, " ", h("span", class_="mode", data_mode=self._loop))
            if self._loop
            else None
        )
        return h(
            "div",
            h("h3", signal.title or signal.name),
            h(
                "div",
                h("span", "\u2013", class_="value", data_value=signal.path, data_digits=digits_of(signal)),
                " ",
                h("span", signal.unit, class_="quiet"),
            ),
            mode,
            h("div", class_="held", data_held=signal.path, role="status"),
        )

    def _controls(self) -> None:
        with ui.element("div").classes("row") as self._free:
            self._button("Take in hand", self._take, "quietly").props(
                f'aria-label="Take {self._signal.path} in hand"'
            )
        with ui.element("div").classes("row") as self._held:
            self._wanted = ui.number(self._signal.unit or "on: 1, off: 0", value=self._signal.safe).props(
                "outlined dense"
            )
            self._wanted.props(f'aria-label="Wanted {self._signal.path}"').classes("wanted")
            if self._signal.limits:
                low, high = self._signal.limits
                self._wanted.props(f"min={low:g} max={high:g}")
            self._button("Set", self._set, "act")
            self._wanted.on("keydown.enter", guarded(self._house, self._visitor, self._set))
            self._button("Give back", self._give_back, "quietly")
        self._answer = ui.label().classes("quiet").props("role=status")
        self._held.set_visibility(False)

    def _button(self, text: str, act: Callable[[], Awaitable[object]], classes: str) -> ui.button:
        handler = guarded(self._house, self._visitor, act)
        return ui.button(text, on_click=handler, color=None).props("unelevated no-caps").classes(classes)

    async def _take(self) -> None:
        self._lease = await self._house.hands.take(self._visitor, self._signal.path, _LEASE_S)
        with self._held:
            self._beat = Heartbeat(self._still_here)
        self._show(held=True)
        self._answer.text = "in your hands while this page is shown"

    async def _set(self) -> None:
        if self._wanted.value is None:
            return
        reply = await self._house.hands.give(self._visitor, self._lease, float(self._wanted.value))
        self._answer.text = f"{reply.outcome}: {reply.reason}" if reply.reason else reply.outcome

    async def _give_back(self) -> None:
        lease = self._lease
        self._let_go("given back")
        await self._house.hands.release(self._visitor, lease)

    async def _still_here(self) -> None:
        if not self._house.doorkeeper.admits(self._visitor):
            self._let_go("logged out")
            return
        try:
            await self._house.hands.renew(self._visitor, self._lease)
        except TestbedError as error:
            self._let_go(str(error))

    def _let_go(self, why: str) -> None:
        if self._beat is not None:
            self._beat.delete()
            self._beat = None
        self._lease = ""
        self._show(held=False)
        self._answer.text = why

    def _show(self, *, held: bool) -> None:
        self._free.set_visibility(not held)
        self._held.set_visibility(held)
