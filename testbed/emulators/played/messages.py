"""Recorded devices behind a broker: what they, or their network server, published is published again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from testbed.bench.device import Device
from testbed.bench.wires import Wire
from testbed.emulators.base import EmulatorContext, Ready
from testbed.emulators.broker import Broker
from testbed.errors import LinkError, UsageError
from testbed.links import LinkLost, MessageLink
from testbed.links.messages import decode_message, encode_message, is_retained
from testbed.protocols.lorawan.servers import served_device
from testbed.protocols.mqtt import MqttPlan
from testbed.protocols.sparkplug import edge_address

from .device import PlayedDevice
from .player import Player


async def serve(devices: Sequence[PlayedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Be the server behind one broker until cancelled; raises LinkError when the broker ends by itself.

    A broker cannot lose one client alone: it stops while the recording has no device connected.
    """
    server = _Server(devices, context)
    port = 0
    while True:
        async with context.places.broker(port) as broker:
            port = broker.port
            await server.serve(broker, ready)
        await server.wanted.wait()


class _Server:
    """Publishes for all devices, and hands each the commands that are meant for it."""

    def __init__(self, devices: Sequence[PlayedDevice], context: EmulatorContext) -> None:
        self.wanted = asyncio.Event()
        """Set while the broker is to run."""
        self.unwanted = asyncio.Event()
        self._context = context
        self._link: MessageLink | None = None
        self._told = False
        self._players: dict[str, Player] = {}
        """By the topics of their commands."""
        self._plugged: set[str] = set()
        self._wires: dict[str, Wire] = {}
        for each in devices:
            name, wire = each.device.name, each.device.wire
            for topic in _command_topics(each.device):
                if topic in self._players:
                    raise UsageError(
                        f"{name} cannot be played on a real wire: another device takes commands on {topic}",
                        "replay it without --wire",
                    )
                self._players[topic] = each.player
            self._wires[name] = wire
            each.player.join(_Subscription(name, self))

    async def serve(self, broker: Broker, ready: Ready) -> None:
        """Serve at a broker until it is not wanted; raises LinkError when it ends by itself."""
        self.unwanted.clear()
        link = self._link = await self._context.places.mqtt(
            Wire("mqtt", broker.host, broker.port), self._context.clock,
            subscriptions=list(self._players), received=self._received, lost=self._context.log,
        )  # fmt: skip
        self._tell(broker, ready)
        run = asyncio.ensure_future(link.run())
        unwanted = asyncio.ensure_future(self.unwanted.wait())
        try:
            await asyncio.wait((run, unwanted, broker.ended), return_when=asyncio.FIRST_COMPLETED)
            if broker.ended.done():
                raise LinkError(broker.ended.result())
            if run.done():
                run.result()
                raise LinkError("the broker of the played devices went away")
        finally:
            self._link = None
            link.close()
            for task in (run, unwanted):
                task.cancel()
            await asyncio.gather(run, unwanted, return_exceptions=True)

    def publish(self, data: bytes) -> None:
        """Publish what was recorded; while there is no broker, to nobody."""
        try:
            topic, payload = decode_message(data)
            if self._link is not None:
                # What the broker kept then is kept again: the driver may not have subscribed yet.
                self._link.publish(topic, payload, retain=is_retained(data))
        except (ValueError, LinkLost) as error:  # a damaged frame, or the broker is just going
            self._context.log(f"not published: {error}")

    def plug(self, name: str) -> None:
        """Let the broker run: one more device is connected."""
        self._plugged.add(name)
        self.wanted.set()

    def unplug(self, name: str) -> None:
        """Let the broker stop once no device is connected any more."""
        self._plugged.discard(name)
        if not self._plugged:
            self.wanted.clear()
            self.unwanted.set()

    def _tell(self, broker: Broker, ready: Ready) -> None:
        if not self._told:
            self._told = True
            for name, wire in self._wires.items():
                ready(name, f"{wire.scheme}://{broker.host}:{broker.port}{wire.path}{_host(wire)}")

    def _received(self, time_ns: int, topic: str, payload: bytes) -> None:
        player = self._players.get(topic)
        if player is not None:
            player.sent(encode_message(topic, payload))


def _host(wire: Wire) -> str:
    """Return the option of a wire that says as whom a driver speaks; the others are the real broker's."""
    return f"?host={wire.options['host']}" if "host" in wire.options else ""


def _command_topics(device: Device) -> list[str]:
    """Return where the commands for a device are published."""
    if device.profile.protocol == "lorawan":
        served = served_device(device.name, device.wire)
        return [served.topics.downlink, *(served.clearing or ())[:1]]
    if device.profile.protocol == "sparkplug":
        address = edge_address(device.name, device.wire)
        return [address.of_node.commands, address.commands]
    plan = MqttPlan.of(device.profile, device.wire, device.name)
    return [route.topic for route in plan.commands.values()]


class _Subscription:
    """One device's share of the broker."""

    ahead_ns = 500_000_000  # for the broker to start

    def __init__(self, name: str, server: _Server) -> None:
        self._name = name
        self._server = server

    def plug(self) -> None:
        """Connect it."""
        self._server.plug(self._name)

    def unplug(self) -> None:
        """Disconnect it."""
        self._server.unplug(self._name)

    def deliver(self, data: bytes) -> None:
        """Publish what was recorded."""
        self._server.publish(data)
