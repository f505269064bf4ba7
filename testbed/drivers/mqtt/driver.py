"""The driver: one connection to a broker, the topics of one device."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

from testbed.bench.device import Device
from testbed.drivers.base import Driver, DriverContext
from testbed.drivers.decoder import Decoder, Publish
from testbed.drivers.greeting import heard_from
from testbed.drivers.held import Held
from testbed.errors import UsageError
from testbed.links import LinkLost, MessageLink
from testbed.links.broker import check_broker_options
from testbed.protocols.mqtt import MqttPlan, Route
from testbed.signals import Command, Level, Outcome

from .outbox import Outbox
from .readings import MqttDecoder, Readings

_PRESENCE_S = 4.0  # for a device, or its last will, to say whether it is there
_MARGIN_S = 1.0  # on top of the device's timeout
_SAME = 1e-6  # relative: a value went through text


class MqttDriver(Driver):
    """Online while the broker is reached and the device, if it says so at all, says that it is there."""

    schemes = ("mqtt", "mqtts")
    # What a silent broker can take (TCP, greeting, subscription), and a device that says nothing.
    connect_timeout = 16.0

    def __init__(self, device: Device, context: DriverContext) -> None:
        """Check the profile and the wire; raises UsageError or BenchFileError."""
        self._held = Held(context.publish)
        context = replace(context, publish=self._held.publish)
        super().__init__(device, context)
        try:
            check_broker_options(device.wire)
        except ValueError as error:
            raise UsageError(f"{device.name}: {error}") from None
        self._plan = plan = MqttPlan.of(device.profile, device.wire, device.name)
        self._names = {signal.id: name for name, signal in device.signals.items()}
        self._readings = Readings(device, plan, context.publish, self.publish_bad, self._came)
        self._outbox = Outbox(self.clock, self._send, plan.timeout_s, plan.resend_s)
        self._link: MessageLink | None = None
        self._present: asyncio.Future[None] | None = None
        self._said = ""

    @classmethod
    def decoder(cls, device: Device, publish: Publish, doubt: Publish) -> Decoder:
        """Return what decodes the recorded frames of `device` again."""
        return MqttDecoder(device, publish, doubt)

    @property
    def command_timeout(self) -> float:
        """The profile's timeout and a margin, in seconds."""
        return self._plan.timeout_s + _MARGIN_S

    async def run(self) -> None:
        """Keep the device connected until cancelled; nothing waits to be sent after that."""
        try:
            await super().run()
        finally:
            self._outbox.fail_all(f"{self.device.name}: the driver ended")

    async def connect(self) -> None:
        """Subscribe, wait for the device to be there, send again what it may have missed."""
        self._held.hold()
        self._present, self._said = asyncio.get_running_loop().create_future(), ""
        self._link = await self.wires.mqtt(
            self.device.wire,
            subscriptions=self._plan.subscriptions,
            received=self._received,
            lost=self.link_lost,
            retained=self._kept,
        )
        told = self._plan.availability
        if told is not None and not await heard_from(
            self.device.name, self._link, self._present, _PRESENCE_S
        ):
            said = f"says {self._said!r}" if self._said else "says nothing"
            raise LinkLost(
                f"{self.device.name} {said} on {told.topic}, where it should say {told.online!r}",
                "check that the device is connected to this broker, and the wire's path",
            )
        self._outbox.resume()

    async def serve(self) -> None:
        """Run the link, and hand on what came while it was opened."""
        self._held.release()
        if self._link is not None:
            await self._link.run()

    async def disconnect(self) -> None:
        """Hang up; commands that may be sent again wait for the next connection."""
        if self._link is not None:
            self._link.close()
        self._link = None
        self._held.release()
        self._outbox.lost(f"{self.device.name}: the connection ended")

    # Commands -----------------------------------------------------------------------------------

    def write(self, command: Command) -> None:
        """Publish the command; it is acknowledged as its profile says, else by having been published."""
        route = self._route(command)
        command_id = f"{self.context.random.getrandbits(64):016x}"
        if route.address.confirm is None and self._plan.acknowledge is None:
            self._send(command, command_id, self._plan.timeout_s)
            command.sent_ns = self.clock.now()
            command.finish(Outcome.ACKNOWLEDGED, command.sent_ns)
            return
        if route.address.confirm is not None:
            self._outbox.settle_where(
                lambda older: older.signal == command.signal,
                Outcome.SUPERSEDED,
                "a newer command took its place",
            )
        self._outbox.submit(command, command_id)

    def _route(self, command: Command) -> Route:
        name = self._names[command.signal]
        route = self._plan.commands.get(name)
        if route is None:
            raise ValueError(f"{self.device.name}.{name} is sent by the device and takes no commands")
        return route

    def _send(self, command: Command, command_id: str, wait_s: float) -> None:
        if self._link is None:
            raise LinkLost(f"{self.device.name}: there is no connection to the broker")
        route = self._route(command)
        self._link.publish(
            route.topic,
            route.command(command.value, command_id),
            self._plan.qos,
            retain=route.address.retain,
            expiry_s=wait_s,  # what was given up here must not move anything later
        )

    def _came(self, name: str, value: float) -> None:
        """Acknowledge what a device confirms by having the value."""

        def confirmed(command: Command) -> bool:
            route = self._route(command)
            return route.address.confirm == name and math.isclose(
                value, command.value, rel_tol=_SAME, abs_tol=_SAME
            )

        self._outbox.settle_where(confirmed, Outcome.ACKNOWLEDGED)

    # Messages -----------------------------------------------------------------------------------

    def _received(self, time_ns: int, topic: str, payload: bytes) -> None:
        if self._plan.acknowledge is not None and topic == self._plan.acknowledge.topic:
            self._acknowledged(payload)
        elif not self._availability(topic, payload):
            self._readings.received(time_ns, topic, payload)

    def _kept(self, time_ns: int, topic: str, payload: bytes) -> None:
        if not self._availability(topic, payload):
            self._readings.received(time_ns, topic, payload, retained=True)

    def _acknowledged(self, payload: bytes) -> None:
        try:
            command_id, wrong = self._plan.acknowledged(payload)
        except ValueError as error:
            self.report(Level.WARNING, "malformed", f"{self.device.name}: {error}")
            return
        if wrong:
            self._outbox.settle(command_id, Outcome.FAILED, f"the device refused it: {wrong}")
        else:
            self._outbox.settle(command_id, Outcome.ACKNOWLEDGED)

    def _availability(self, topic: str, payload: bytes) -> bool:
        """Take what says whether the device is there; returns whether it was that."""
        told = self._plan.availability
        if told is None or topic != told.topic:
            return False
        self._said = payload.decode("utf-8", "backslashreplace")
        if self._said == told.online:
            if self._present is not None and not self._present.done():
                self._present.set_result(None)
        elif self._said == told.offline and self._present is not None and self._present.done():
            self.link_lost(f"{self.device.name} says {self._said!r} on {topic}")
        return True
