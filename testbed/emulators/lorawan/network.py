"""The network server: one broker, one connection to it, a session for every device."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from testbed.bench.wires import Wire
from testbed.emulators.base import EmulatedDevice, EmulatorContext, Ready
from testbed.emulators.broker import Broker
from testbed.emulators.own_broker import at_own_broker
from testbed.errors import UsageError
from testbed.links import LinkLost, MessageLink
from testbed.protocols.lorawan import things_stack, topics
from testbed.protocols.lorawan.frames import JoinRequest, MType, address_of, m_type
from testbed.protocols.lorawan.plan import read_plan
from testbed.protocols.lorawan.servers import CHIRPSTACK, THINGS_STACK, parse_downlinks
from testbed.protocols.lorawan.things_stack import ThingsAddress, things_address
from testbed.protocols.lorawan.topics import DeviceAddress, device_address

from .air import Air, Spot
from .chirpstack import ChirpstackTeller
from .device import ClassADevice
from .gateway import Gateway
from .identity import Identity
from .server import GatewayServer
from .session import DeviceSession, deduplication_wait
from .telling import Copy, Teller, Told
from .things_stack import ThingsStackTeller

BROKER_PLUG = "mqtt-broker"
"""The name of the broker's own plug: pulling it cuts all devices off at once."""

GATEWAY_PLUG = "gateway/"
"""What the name of a gateway's plug begins with: no device is called so."""

_FIRST_DEV_EUI = 0x70B3D57ED0000001
_GATEWAY_EUIS = 0x0016C001 << 32
_COMMANDS = [topics.ALL_COMMANDS, *things_stack.ALL_COMMANDS]
_RETRY = 0.2  # seconds between two attempts to reach the broker


@dataclass(frozen=True)
class _Member:
    name: str
    wire: str
    """Its scheme, and its path."""
    address: DeviceAddress | ThingsAddress
    device: ClassADevice
    session: DeviceSession


class Network:
    """Devices, gateways and the network server of a bench, speaking through whatever broker `run` is given.

    Frames go from the devices through the air to gateways, as datagrams to the server, as events to the
    broker, and the same way back.
    """

    def __init__(self, devices: Sequence[EmulatedDevice], context: EmulatorContext) -> None:
        self._context = context
        self._link: MessageLink | None = None
        self._started = False
        spec = context.lorawan
        air = Air(context.clock, self._chance(), spec.exponent, spec.fading)
        self._air = air
        self._addresses = self._chance()
        self._members: list[_Member] = []
        for index, emulated in enumerate(devices):
            member = self._member(emulated, index, air)
            self._check(member)
            self._members.append(member)
            context.plugs[member.name] = member.device
        wait = min((deduplication_wait(read_plan(each.device.profile)) for each in devices), default=0.0)
        self._server = GatewayServer(context.clock, self._chance(), wait, self._frame)
        self._gateways: list[Gateway] = []
        for name, gateway in spec.gateways.items():
            chance = self._chance()
            eui = _GATEWAY_EUIS | chance.getrandbits(32)
            spot = Spot(*gateway.at, gateway.loss)
            made = Gateway(name, eui, spot, air, context.clock, chance)
            self._gateways.append(made)
            context.plugs[f"{GATEWAY_PLUG}{name}"] = made

    @property
    def collisions(self) -> int:
        """How often a gateway or a device lost a frame to another frame."""
        return self._air.collisions

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
                await self._start(host, port, ready)
                await self._link.run()
        finally:
            if self._link is not None:
                self._link.close()

    def close(self) -> None:
        """Switch everything off."""
        for member in self._members:
            member.device.stop()
            member.session.stop()
        for gateway in self._gateways:
            gateway.stop()
        self._server.stop()

    async def _connect(self, wire: Wire) -> MessageLink:
        return await self._context.places.mqtt(
            wire,
            self._context.clock,
            _COMMANDS,
            self._received,
            lambda reason: self._context.log(f"network server: {reason}"),
        )

    async def _start(self, host: str, port: int, ready: Ready) -> None:
        if self._started:
            return
        self._started = True
        address = await self._server.start(self._context.places)
        for gateway in self._gateways:
            await gateway.start(self._context.places, address)
        for member in self._members:
            member.device.start()
            scheme, _, path = member.wire.partition("/")
            ready(member.name, f"{scheme}://{host}:{port}/{path}")

    # Members --------------------------------------------------------------------------------------

    def _chance(self) -> random.Random:
        # A generator each: what one device draws does not depend on when another one sends.
        return random.Random(self._context.random.getrandbits(64))

    def _member(self, emulated: EmulatedDevice, index: int, air: Air) -> _Member:
        context, name = self._context, emulated.device.name
        plan, spec = read_plan(emulated.device.profile), context.lorawan.node(name)
        chance, told = self._chance(), self._chance()
        wire, address, teller, dev_eui = self._at_server(emulated, index, told)
        identity = Identity.draw(dev_eui, told)
        log = partial(self._log, name)
        device = ClassADevice(emulated, plan, spec, identity, air, context.clock, chance, log)
        session = DeviceSession(
            plan, spec, identity, teller, context.clock, partial(self._publish, address), self._send,
            partial(self._addresses.getrandbits, 25),
        )  # fmt: skip
        return _Member(name, wire, address, device, session)

    def _at_server(
        self, emulated: EmulatedDevice, index: int, chance: random.Random
    ) -> tuple[str, DeviceAddress | ThingsAddress, Teller, int]:
        """Return scheme and path, address, teller and DevEUI; the next free ones where the wire has none."""
        name, wire, clock = emulated.device.name, emulated.device.wire, self._context.clock
        given = bool(wire.path.strip("/"))
        if wire.scheme == THINGS_STACK:
            things = things_address(name, wire) if given else ThingsAddress("bench", _device_id(name))
            dev_eui = _FIRST_DEV_EUI + index
            path = f"{things.application.replace('@', '%40')}/{things.device_id}"
            teller: Teller = ThingsStackTeller(things, dev_eui, clock, chance)
            return f"{THINGS_STACK}/{path}", things, teller, dev_eui
        address = DeviceAddress("1", f"{_FIRST_DEV_EUI + index:016x}")
        if given:
            address = device_address(name, wire)
        teller = ChirpstackTeller(name, address, clock, chance)
        path = f"{address.application}/{address.dev_eui}"
        return f"{CHIRPSTACK}/{path}", address, teller, int(address.dev_eui, 16)

    def _check(self, member: _Member) -> None:
        for other in self._members:
            if other.session.identity.dev_eui == member.session.identity.dev_eui:
                eui = f"{member.session.identity.dev_eui:016x}"
                raise UsageError(f"{member.name} and {other.name} have the same DevEUI {eui}")
            if other.address == member.address:
                raise UsageError(f"{member.name} and {other.name} are the same device, {member.wire}")

    def _log(self, name: str, text: str) -> None:
        self._context.log(f"{name}: {text}")

    # Frames ---------------------------------------------------------------------------------------

    def _frame(self, phy: bytes, copies: tuple[Copy, ...]) -> None:
        """Hand a frame to the session that it is of; others are nobody's."""
        try:
            if m_type(phy) is MType.JOIN_REQUEST:
                dev_eui = JoinRequest.read(phy).dev_eui
                found = [each.session for each in self._members if each.session.identity.dev_eui == dev_eui]
                take: list[Callable[[bytes, tuple[Copy, ...]], None]] = [each.join for each in found]
            else:
                dev_addr, _ = address_of(phy)
                take = [
                    each.session.heard
                    for each in self._members
                    if each.session.session is not None and each.session.session.dev_addr == dev_addr
                ]
            for each in take:
                each(phy, copies)
        except ValueError as error:
            self._context.log(f"network server: {error}")

    def _send(
        self, phy: bytes, copies: Sequence[Copy], delay: float, second: bool, done: Callable[..., None]
    ) -> None:
        self._server.send(phy, copies, delay, second=second, done=done)

    # The broker -----------------------------------------------------------------------------------

    def _publish(self, address: DeviceAddress | ThingsAddress, told: Told) -> None:
        for kind, payload in told:
            if self._link is None:
                return
            try:
                self._link.publish(address.event(kind), payload)
            except LinkLost as error:
                # The server's broker is away: the event is lost, as with QoS 0 in the field.
                self._context.log(f"network server: {kind} event lost: {error}")

    def _received(self, _time_ns: int, topic: str, payload: bytes) -> None:
        try:
            downlinks = parse_downlinks(topic, payload)
            session = self._session_of(topic)
        except ValueError as error:
            # A server, too, tells only its own log about a command that it cannot read.
            self._context.log(f"network server: command on {topic} refused: {error}")
            return
        if topic.endswith("/replace"):
            session.replace(downlinks)
        else:
            for downlink in downlinks:
                session.enqueue(downlink)

    def _session_of(self, topic: str) -> DeviceSession:
        parse = things_stack.parse_topic if topic.startswith("v3/") else topics.parse_topic
        address, _ = parse(topic)
        for member in self._members:
            if member.address == address:
                return member.session
        raise ValueError(f"no such device: {topic}")


async def serve(devices: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Answer for LoRaWAN devices behind one network server at a broker of their own, until cancelled.

    Raises LinkError with the broker's own words when it does not start or ends by itself.
    """
    network = Network(devices, context)

    async def at(broker: Broker) -> None:
        await network.run(broker.host, broker.port, ready)

    try:
        await at_own_broker(context, BROKER_PLUG, at)
    finally:
        network.close()


def _device_id(name: str) -> str:
    """Return a device's name as The Things Stack can have it: a-z, 0-9 and single dashes, three at least."""
    found = "-".join("".join(each if each.isalnum() else " " for each in name.lower()).split())
    return found if len(found) > 2 else f"dev-{found}"
