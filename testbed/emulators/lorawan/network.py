"""The network server: one broker, one connection to it, a session for every device."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from testbed.bench.wires import Wire
from testbed.emulators.base import EmulatedDevice, EmulatorContext, Ready
from testbed.emulators.broker import Broker
from testbed.errors import LinkError, UsageError
from testbed.links import LinkLost, MessageLink
from testbed.protocols.lorawan.chirpstack import parse_downlink, print_event
from testbed.protocols.lorawan.plan import read_plan
from testbed.protocols.lorawan.topics import ALL_COMMANDS, DeviceAddress, device_address, parse_topic

from .device import ClassADevice
from .events import EventComposer
from .session import DeviceSession

BROKER_PLUG = "mqtt-broker"
"""The name of the broker's own plug: pulling it cuts all devices off at once."""

_FIRST_DEV_EUI = 0x70B3D57ED0000001
_RETRY = 0.2  # seconds between two attempts to reach the broker


@dataclass(frozen=True)
class _Member:
    name: str
    address: DeviceAddress
    device: ClassADevice
    session: DeviceSession


class Network:
    """The devices of a bench and their server, speaking through whatever broker `run` is given."""

    def __init__(self, devices: Sequence[EmulatedDevice], context: EmulatorContext) -> None:
        self._context = context
        self._link: MessageLink | None = None
        self._started = False
        self._members: dict[DeviceAddress, _Member] = {}
        for index, emulated in enumerate(devices):
            member = self._member(emulated, index)
            if member.address in self._members:
                other = self._members[member.address].name
                raise UsageError(f"{member.name} and {other} have the same DevEUI {member.address.dev_eui}")
            self._members[member.address] = member
            context.plugs[member.name] = member.device

    async def run(self, host: str, port: int, ready: Ready) -> None:
        """Serve at a broker until cancelled, connecting anew whenever it was lost.

        The devices begin to send with the first connection and go on until `close`, as those in the
        field do when their server is away. Raises LinkLost when there never was a connection.
        """
        try:
            while True:
                try:
                    self._link = await self._connect(Wire("mqtt", host, port))
                except LinkLost as error:
                    if not self._started:
                        raise
                    self._context.log(f"network server: {error}")
                    await self._context.clock.sleep(_RETRY)
                    continue
                self._start(host, port, ready)
                await self._link.run()
        finally:
            if self._link is not None:
                self._link.close()

    def close(self) -> None:
        """Switch all devices off."""
        for member in self._members.values():
            member.device.stop()
            member.session.stop()

    async def _connect(self, wire: Wire) -> MessageLink:
        return await self._context.places.mqtt(
            wire,
            self._context.clock,
            [ALL_COMMANDS],
            self._received,
            lambda reason: self._context.log(f"network server: {reason}"),
        )

    def _start(self, host: str, port: int, ready: Ready) -> None:
        if self._started:
            return
        self._started = True
        for member in self._members.values():
            member.device.start(member.session)
            path = f"{member.address.application}/{member.address.dev_eui}"
            ready(member.name, f"chirpstack+mqtt://{host}:{port}/{path}")

    def _member(self, emulated: EmulatedDevice, index: int) -> _Member:
        context, name = self._context, emulated.device.name
        plan = read_plan(emulated.device.profile)
        address = _address(emulated, index)
        # A generator each: what one device draws does not depend on when another one sends.
        air, server = (random.Random(context.random.getrandbits(64)) for _ in range(2))
        device = ClassADevice(emulated, plan, context.clock, air)
        events = EventComposer(name, address, plan, context.clock, server)
        session = DeviceSession(
            plan, device, events, context.clock, lambda kind, event: self._publish(address, kind, event)
        )
        return _Member(name, address, device, session)

    def _publish(self, address: DeviceAddress, kind: str, event: Any) -> None:
        if self._link is None:
            return
        try:
            self._link.publish(address.event(kind), print_event(event))
        except (
            LinkLost
        ) as error:  # the server's broker is away: the event is lost, as with QoS 0 in the field
            self._context.log(f"network server: {kind} event of {address.dev_eui} lost: {error}")

    def _received(self, _time_ns: int, topic: str, payload: bytes) -> None:
        try:
            downlink = parse_downlink(topic, payload)
            member = self._members.get(parse_topic(topic)[0])
            if member is None:
                raise ValueError(f"no device {downlink.dev_eui} in this application")
        except ValueError as error:
            # ChirpStack, too, tells only its own log about a command that it cannot read.
            self._context.log(f"network server: command on {topic} refused: {error}")
            return
        member.session.enqueue(downlink)


@dataclass
class _BrokerPlug:
    """Tells `serve` whether the broker is wanted."""

    pulled: asyncio.Event = field(default_factory=asyncio.Event)
    inserted: asyncio.Event = field(default_factory=asyncio.Event)

    def plug(self) -> None:
        """Start the broker again, at the same port."""
        self.pulled.clear()
        self.inserted.set()

    def unplug(self) -> None:
        """Stop the broker."""
        self.inserted.clear()
        self.pulled.set()


async def serve(devices: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Answer for LoRaWAN devices behind one network server at a broker of their own, until cancelled.

    Raises LinkError with the broker's own words when it does not start or ends by itself.
    """
    network = Network(devices, context)
    plug = context.plugs[BROKER_PLUG] = _BrokerPlug()
    port = 0
    try:
        while True:
            async with context.places.broker(port) as broker:
                port = broker.port
                await _serve_at(broker, network, plug, ready)
            await plug.inserted.wait()
    finally:
        network.close()


async def _serve_at(broker: Broker, network: Network, plug: _BrokerPlug, ready: Ready) -> None:
    """Serve at `broker` until its plug is pulled; raises LinkError when it ends by itself."""
    server = asyncio.create_task(network.run(broker.host, broker.port, ready))
    pulled = asyncio.create_task(plug.pulled.wait())
    try:
        await asyncio.wait((server, pulled, broker.ended), return_when=asyncio.FIRST_COMPLETED)
        if broker.ended.done():
            raise LinkError(broker.ended.result())
        if server.done():
            server.result()
    finally:
        for task in (server, pulled):
            task.cancel()
        await asyncio.gather(server, pulled, return_exceptions=True)


def _address(emulated: EmulatedDevice, index: int) -> DeviceAddress:
    """Return what the device's wire says, or the next free number when it says nothing."""
    if not emulated.device.wire.path.strip("/"):
        return DeviceAddress("1", f"{_FIRST_DEV_EUI + index:016x}")
    return device_address(emulated.device.name, emulated.device.wire)
