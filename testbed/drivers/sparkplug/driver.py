"""The driver: a host application with one edge node, or one device behind it."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from functools import partial

from testbed.bench.device import Device
from testbed.drivers.base import Driver, DriverContext
from testbed.drivers.decoder import Decoder, Publish
from testbed.drivers.greeting import heard_from
from testbed.drivers.held import Held
from testbed.drivers.mqtt.outbox import Outbox
from testbed.errors import UsageError
from testbed.links import LinkLost, MessageLink, Will
from testbed.links.broker import check_broker_options
from testbed.protocols.sparkplug import (
    Born,
    DataType,
    Died,
    Gap,
    Heard,
    Metric,
    Payload,
    SparkplugPlan,
    edge_address,
    encode_payload,
)
from testbed.protocols.sparkplug.node import REBIRTH, News
from testbed.protocols.sparkplug.payload import number_of
from testbed.protocols.sparkplug.topics import state_topic
from testbed.signals import Command, Level, Outcome

from .readings import Readings, SparkplugDecoder

_BIRTH_S = 4.0  # for a node to answer the request for its births
_MARGIN_S = 1.0  # on top of the profile's timeout
_SAME = 1e-6  # relative: a value may have been a 32-bit float


class SparkplugDriver(Driver):
    """Online from the births that it asks for until a death, or until births do not follow a gap."""

    schemes = ("sparkplug+mqtt", "sparkplug+mqtts")
    # What a silent broker can take (TCP, greeting, subscription), and a node that sends no birth.
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
        self._address = edge_address(device.name, device.wire)
        self._plan = SparkplugPlan.of(device.profile)
        self._host = device.wire.option("host", "")
        self._names = {signal.id: name for name, signal in device.signals.items()}
        self._readings = Readings(device, context.publish, self.publish_bad, self._news)
        self._outbox = Outbox(self.clock, self._send, self._plan.timeout_s, 0.0)
        self._link: MessageLink | None = None
        self._born: asyncio.Future[None] | None = None

    @classmethod
    def decoder(cls, device: Device, publish: Publish, doubt: Publish) -> Decoder:
        """Return what decodes the recorded frames of `device` again."""
        return SparkplugDecoder(device, publish, doubt)

    @property
    def command_timeout(self) -> float:
        """The profile's timeout and a margin, in seconds."""
        return self._plan.timeout_s + _MARGIN_S

    async def connect(self) -> None:
        """Subscribe to the node, say that this host is there, ask for births and wait for ours."""
        self._held.hold()
        self._readings.begin()
        born = self._born = asyncio.get_running_loop().create_future()
        will = Will(state_topic(self._host), self._state(online=False)) if self._host else None
        link = self._link = await self.wires.mqtt(
            self.device.wire,
            subscriptions=self._address.subscriptions,
            received=self._received,
            lost=self.link_lost,
            will=will,
        )
        if self._host:
            link.publish(state_topic(self._host), self._state(online=True), 1, retain=True)
        self._ask_for_births(link)
        if not await heard_from(self.device.name, link, born, _BIRTH_S):
            raise LinkLost(
                f"{self._address.topic(f'{self._address.kind}BIRTH')}: no birth, though one was asked for",
                "check that the node is connected to this broker, and the group, node and device in the wire",
            )
        self._outbox.resume()

    async def serve(self) -> None:
        """Run the link, and hand on what came while it was opened."""
        self._held.release()
        if self._link is not None:
            await self._link.run()

    async def disconnect(self) -> None:
        """Say that this host goes, and hang up; what is pending fails."""
        link, self._link = self._link, None
        if link is not None:
            if self._host:
                link.vanish()  # so that the broker publishes the will, which says so
            link.close()
        self._held.release()
        self._outbox.lost(f"{self.device.name}: the connection ended")

    # Commands -----------------------------------------------------------------------------------

    def write(self, command: Command) -> None:
        """Publish the command; it is acknowledged by the metric that then has its value."""
        name = self._names[command.signal]
        if name not in self._plan.commands:
            raise ValueError(f"{self.device.name}.{name} is sent by the device and takes no commands")
        self._outbox.settle_where(
            lambda older: older.signal == command.signal, Outcome.SUPERSEDED, "a newer command took its place"
        )
        self._outbox.submit(command, f"{self.context.random.getrandbits(64):016x}")

    def _send(self, command: Command, command_id: str, wait_s: float) -> None:
        route = self._plan.commands[self._names[command.signal]]
        now = self._now_ms()
        self._publish(self._address.commands, Payload(now, (route.metric_for(command.value, now),)), wait_s)

    def _confirm(self, metrics: tuple[Metric, ...]) -> None:
        for metric in metrics:
            self._outbox.settle_where(partial(self._has, metric), Outcome.ACKNOWLEDGED)

    def _has(self, metric: Metric, command: Command) -> bool:
        route = self._plan.commands[self._names[command.signal]]
        if metric.name != route.metric or metric.historical:
            return False
        try:
            wanted = number_of(route.metric_for(command.value, 0).value)
            return math.isclose(number_of(metric.value), wanted, rel_tol=_SAME, abs_tol=_SAME)
        except ValueError:
            return False

    # Messages -----------------------------------------------------------------------------------

    def _received(self, time_ns: int, topic: str, payload: bytes) -> None:
        try:
            self._readings.received(time_ns, topic, payload)
        except ValueError as error:
            self.report(Level.WARNING, "malformed", f"{self.device.name}: {topic}: {error}")

    def _news(self, news: News) -> None:
        match news:
            case Heard(_, metrics):
                self._confirm(metrics)
            case Born(device) if device == self._address.device:
                if self._born is not None and not self._born.done():
                    self._born.set_result(None)
            case Died(device) if device in ("", self._address.device):
                if self._born is not None and self._born.done():
                    self.link_lost(
                        f"{self.device.name} is gone: {device or self._address.node} told its death"
                    )
            case Gap(reason):
                self._missed(reason)

    def _missed(self, reason: str) -> None:
        """Ask for births after a gap; if they do not come, begin anew."""
        self.report(Level.WARNING, "messages_lost", f"{self.device.name}: {reason}; asking for births")
        if self._born is None or not self._born.done() or self._link is None:
            return
        born = self._born = asyncio.get_running_loop().create_future()
        self._ask_for_births(self._link)
        self.clock.at(
            self.clock.now() + round(_BIRTH_S * 1e9),
            lambda: None if born.done() else self.link_lost(f"{reason}, and no births came since"),
        )

    def _ask_for_births(self, link: MessageLink) -> None:
        now = self._now_ms()
        metric = Metric(REBIRTH, True, DataType.BOOLEAN, None, now)
        topic = self._address.of_node.commands
        link.publish(topic, encode_payload(Payload(now, (metric,))), 0)

    def _publish(self, topic: str, payload: Payload, expiry_s: float) -> None:
        if self._link is None:
            raise LinkLost(f"{self.device.name}: there is no connection to the broker")
        # QoS 0, not retained: so the specification wants commands (6.4.20 and 6.4.21).
        self._link.publish(topic, encode_payload(payload), 0, expiry_s=expiry_s)

    def _state(self, *, online: bool) -> bytes:
        return json.dumps({"online": online, "timestamp": self._now_ms()}).encode()

    def _now_ms(self) -> int:
        return self.clock.now() // 1_000_000
