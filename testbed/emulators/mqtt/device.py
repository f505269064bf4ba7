"""One device: publishes its readings, takes commands, acknowledges each id, applies it once."""

from __future__ import annotations

import asyncio
from collections import deque

from testbed.bench.wires import Wire
from testbed.clock import Ticker
from testbed.emulators.base import EmulatedDevice, EmulatorContext
from testbed.links import LinkLost, MessageLink, Will
from testbed.protocols.mqtt import MqttPlan, Route

_RETRY_S = 0.2  # between two attempts to reach the broker
_LOOK_S = 0.1  # how often a device looks for changes that it publishes as they come
_REMEMBERED = 1000  # ids of commands


class MqttDevice:
    """A client of the broker; pulling its plug lets it vanish without a goodbye, so its last will speaks."""

    def __init__(self, emulated: EmulatedDevice, context: EmulatorContext) -> None:
        device = emulated.device
        self.name = device.name
        self.wire = device.wire
        self.plan = MqttPlan.of(device.profile, device.wire, device.name)
        self.refusing = ""
        """Why it refuses commands; empty: it takes them."""
        self.mute = False
        """Whether it takes commands and acknowledges none."""
        self._signals = device.signals
        self._store = emulated.store
        self._context = context
        self._link: MessageLink | None = None
        self._plugged = asyncio.Event()
        self._plugged.set()
        self._applied: deque[str] = deque(maxlen=_REMEMBERED)
        self._said: dict[str, bytes] = {}

    def plug(self) -> None:
        """Switch it on."""
        self._plugged.set()

    def unplug(self) -> None:
        """Cut its power."""
        self._plugged.clear()
        if self._link is not None:
            self._link.vanish()

    async def run(self, broker: Wire, connected: asyncio.Event) -> None:
        """Be a client until cancelled, connecting anew whenever the connection was lost."""
        while True:
            await self._plugged.wait()
            try:
                link = self._link = await self._connect(broker)
            except LinkLost as error:
                self._context.log(f"{self.name}: {error}")
                await self._context.clock.sleep(_RETRY_S)
                continue
            if not self._plugged.is_set():  # pulled in the meantime
                link.vanish()
                continue
            tickers = self._begin()
            connected.set()
            try:
                await link.run()
            finally:
                for ticker in tickers:
                    ticker.cancel()
                self._link = None
                link.close()

    async def _connect(self, broker: Wire) -> MessageLink:
        told, topics = self.plan.availability, [route.topic for route in self.plan.commands.values()]
        will = Will(told.topic, told.offline.encode()) if told is not None else None
        return await self._context.places.mqtt(
            broker, self._context.clock, list(dict.fromkeys(topics)), self._received, self._context.log, will
        )

    # What it says -------------------------------------------------------------------------------

    def _begin(self) -> list[Ticker]:
        """Say that it is there and what it reads; return what goes on saying it."""
        if self.plan.availability is not None:
            told = self.plan.availability
            self._publish(told.topic, told.online.encode(), retain=True)
        self._said.clear()
        return [self._start(topic, routes) for topic, routes in self.plan.readings.items()]

    def _start(self, topic: str, routes: tuple[Route, ...]) -> Ticker:
        periods = [route.period_s for route in routes if route.period_s]
        if periods:
            return self._context.clock.every(round(min(periods) * 1e9), lambda: self._say(topic))
        self._say_changed(topic)
        return self._context.clock.every(round(_LOOK_S * 1e9), lambda: self._say_changed(topic))

    def _say(self, topic: str) -> None:
        retain = any(route.address.retain for route in self.plan.readings[topic])
        self._publish(topic, self.plan.compose(topic, self._store.read), retain)

    def _say_changed(self, topic: str) -> None:
        payload = self.plan.compose(topic, self._store.read)
        if self._said.get(topic) != payload:
            self._said[topic] = payload
            self._say(topic)

    def _publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        if self._link is None:
            return
        try:
            self._link.publish(topic, payload, qos=1, retain=retain)
        except LinkLost as error:  # as in the field: what is said while the broker is away is lost
            self._context.log(f"{self.name}: {error}")

    # What it is told ----------------------------------------------------------------------------

    def _received(self, _time_ns: int, topic: str, payload: bytes) -> None:
        trouble = ValueError(f"no command is taken on {topic}")
        for route in self.plan.commands.values():
            if route.topic == topic:
                try:
                    value, command_id = route.asked(payload)
                except ValueError as error:
                    trouble = error
                    continue
                self._command(route, value, command_id)
                return
        self._context.log(f"{self.name}: {trouble}")

    def _command(self, route: Route, value: float, command_id: str) -> None:
        known = bool(command_id) and command_id in self._applied
        error = "" if known else (self.refusing or self._objection(route, value))
        if not known and not error:
            if command_id:
                self._applied.append(command_id)
            self._apply(route, value)
        if self.plan.acknowledge is not None and command_id and not self.mute:
            self._publish(self.plan.acknowledge.topic, self.plan.acknowledgement(command_id, error))

    def _objection(self, route: Route, value: float) -> str:
        limits = self._signals[route.signal].limits
        if limits is None or limits[0] <= value <= limits[1]:
            return ""
        return f"{value:g} is not within {limits[0]:g} to {limits[1]:g}"

    def _apply(self, route: Route, value: float) -> None:
        self._store.command(route.signal, value)
        confirm = route.address.confirm
        if confirm is None or self.mute:
            return
        self._store.set(confirm, value)
        for topic, routes in self.plan.readings.items():
            if any(each.signal == confirm for each in routes):
                self._say(topic)
