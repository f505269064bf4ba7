"""LoRaWAN class A devices through a network server: events in, confirmed downlinks out, over MQTT.

Online means connected to the broker and subscribed; the device speaks when its own time has come.
A command waits in the network server for the device's next uplink and is acknowledged by the one
after it (LoRaWAN L2 1.0.4, sections 3.3 and 4.3.1.2), so it takes up to two uplink periods.
"""

from __future__ import annotations

import contextlib
import uuid

from testbed.bench.device import Device
from testbed.clock import NS, Timer
from testbed.errors import LinkError, UsageError
from testbed.links.base import MessageLink
from testbed.links.broker import check_broker_options
from testbed.protocols.lorawan.events import Ack, Downlink, LogEntry
from testbed.protocols.lorawan.plan import read_plan
from testbed.protocols.lorawan.servers import CHIRPSTACK, THINGS_STACK, served_device
from testbed.signals import Command, Level, Outcome

from .base import Driver, DriverContext
from .decoder import Decoder, Publish
from .downlinks import DownlinkQueue
from .uplinks import LorawanDecoder, Uplinks

_MARGIN = 3.0  # seconds on top of two uplink periods: both receive windows and the way through the server
_SILENT_PERIODS = 3  # uplink periods without an uplink after which its signals have no value


class LorawanDriver(Driver):
    """One class A device of one application."""

    schemes = (CHIRPSTACK, THINGS_STACK)
    # The sum of what a silent broker can take: the TCP connect (5 s in paho), its greeting, the subscription.
    connect_timeout = 12.0

    def __init__(self, device: Device, context: DriverContext) -> None:
        """Check the profile, the duty cycle that it asks for and the wire; raises UsageError."""
        super().__init__(device, context)
        self._plan = read_plan(device.profile)
        self._served = served_device(device.name, device.wire)
        try:
            check_broker_options(device.wire)
        except ValueError as error:
            raise UsageError(f"{device.name}: {error}") from None
        self._signals = {signal.id: signal for signal in device.signals.values()}
        self._queue = DownlinkQueue(self.clock, self._hand_over, self.command_timeout, self._clear)
        self._link: MessageLink | None = None
        self._uplinks = Uplinks(
            device,
            self._plan,
            context.publish,
            self.publish_bad,
            came=self._expect_uplink,
            tell=lambda kind, text: self.report(Level.WARNING, kind, text),
        )
        self._silence: dict[int, Timer] = {}

    @classmethod
    def decoder(cls, device: Device, publish: Publish, doubt: Publish) -> Decoder:
        """Return what decodes the recorded frames of `device` again."""
        return LorawanDecoder(device, publish, doubt)

    @property
    def command_timeout(self) -> float:
        """Two periods of the slowest uplink and a margin, in seconds."""
        return 2 * max(self._plan.periods.values(), default=0.0) + self._plan.rx1_delay + _MARGIN

    async def connect(self) -> None:
        """Connect to the broker and subscribe to the device's events."""
        self._link = await self.wires.mqtt(
            self.device.wire,
            subscriptions=self._served.topics.subscriptions,
            received=self._received,
            lost=self.link_lost,
        )
        self._clear()  # of an earlier run or connection: no old command may reach the device
        for port in self._plan.uplinks:
            self._expect_uplink(port)

    async def serve(self) -> None:
        """Run the link."""
        if self._link is not None:
            await self._link.run()

    async def disconnect(self) -> None:
        """Fail what is pending and hang up."""
        for timer in self._silence.values():
            timer.cancel()
        if self._link is not None:
            self._link.close()
        self._queue.fail_all(f"{self.device.name}: the connection to the broker ended")
        self._link = None

    # Commands -----------------------------------------------------------------------------------

    def write(self, command: Command) -> None:
        """Hand the command to the network server, or let it wait behind the one that is there."""
        self._payload(command)  # what can never be sent fails now and supersedes nothing
        self._queue.submit(command)

    def _payload(self, command: Command) -> tuple[int, bytes]:
        name = self._signals[command.signal].name
        layout = self._plan.downlinks.get(name)
        if layout is None:
            raise ValueError(f"{self.device.name}.{name} is sent by the device and takes no commands")
        return layout.f_port, layout.encode({name: command.value})

    def _hand_over(self, command: Command) -> str:
        assert self._link is not None  # noqa: S101  (commands are taken only while online)
        f_port, data = self._payload(command)
        item_id = str(uuid.UUID(int=self.context.random.getrandbits(128), version=4))
        # It expires at the server when we give it up here: what was reported as failed must not move a
        # valve minutes later. The server compares with its own UTC.
        expires_ns = self.clock.now() + round(self.command_timeout * NS)
        served = self._served
        downlink = Downlink(served.name, f_port, data, True, item_id, expires_ns)
        self._link.publish(served.topics.downlink, served.print_downlink(downlink), qos=served.qos)
        return item_id

    def _clear(self) -> None:
        """Have a server whose downlinks do not expire forget those that wait: what failed must not act."""
        if self._link is not None and self._served.clearing is not None:
            topic, payload = self._served.clearing
            with contextlib.suppress(LinkError):  # the link is just going; it is cleared when it is back
                self._link.publish(topic, payload, qos=self._served.qos)

    # Events -------------------------------------------------------------------------------------

    def _received(self, time_ns: int, topic: str, payload: bytes) -> None:
        event = self._uplinks.received(time_ns, topic, payload)
        if isinstance(event, Ack):
            self._acknowledged(event)
        elif isinstance(event, LogEntry):
            self._logged(event)

    def _acknowledged(self, ack: Ack) -> None:
        if ack.acknowledged:
            self._queue.settle(ack.queue_item_id, Outcome.ACKNOWLEDGED)
        else:
            self._queue.give_up(ack.queue_item_id, "the device did not acknowledge it")

    def _logged(self, entry: LogEntry) -> None:
        if entry.level != "ERROR":
            return
        text = f"{entry.code}: {entry.description}"
        self.report(Level.ERROR, "network_server", f"{self.device.name}: {text}")
        self._queue.settle(entry.context.get("queue_item_id", ""), Outcome.FAILED, text)

    # Silence ------------------------------------------------------------------------------------

    def _expect_uplink(self, port: int) -> None:
        if port in self._silence:
            self._silence[port].cancel()
        wait = _SILENT_PERIODS * self._plan.periods[port]
        reason = f"no uplink for {wait:g} s, expected every {self._plan.periods[port]:g} s"
        self._silence[port] = self.clock.at(
            self.clock.now() + round(wait * NS), lambda: self._uplinks.no_value(port, reason)
        )
