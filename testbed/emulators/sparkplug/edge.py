"""An edge node: births with aliases, numbered data, its death as the broker's will, rebirth on request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from testbed.bench.wires import Wire
from testbed.clock import Ticker
from testbed.emulators.base import EmulatedDevice, EmulatorContext
from testbed.links import LinkLost, MessageLink, Will
from testbed.protocols.sparkplug import DataType, EdgeAddress, Metric, Payload, decode_payload, encode_payload
from testbed.protocols.sparkplug.node import BD_SEQ, REBIRTH
from testbed.protocols.sparkplug.topics import NAMESPACE, parse_topic, state_topic

from .member import Member

_RETRY_S = 0.2  # between two attempts to reach the broker


class EdgeNode:
    """One client of the broker, for the node itself and the devices behind it (by their ids)."""

    def __init__(
        self, address: EdgeAddress, devices: Mapping[str, EmulatedDevice], context: EmulatorContext, host: str
    ) -> None:
        """Be the node at `address`; with a `host`, publish only while that primary host is online."""
        self.address = address
        self._context = context
        self._host = host
        self._members: dict[str, Member] = {}
        first_alias = 1
        for device_id, emulated in sorted(devices.items()):
            member = Member(emulated, first_alias, self)
            self._members[device_id] = member
            first_alias += len(member.metrics)
        self._link: MessageLink | None = None
        self._plugged = asyncio.Event()
        self._plugged.set()
        self._wanted = asyncio.Event()
        self._bd_seq = 255
        self._seq = 0
        self._tickers: list[Ticker] = []
        self._born = False

    @property
    def plugs(self) -> dict[str, Member]:
        """The members by their names in the bench."""
        return {member.name: member for member in self._members.values()}

    def switch(self, on: bool) -> None:
        """Switch the node on, or cut its power: its will speaks for it then."""
        if on:
            self._plugged.set()
        else:
            self._plugged.clear()
            if self._link is not None:
                self._link.vanish()

    def lose_a_message(self) -> None:
        """Let a number go by, as when a message is lost on its way."""
        self._seq = (self._seq + 1) % 256

    async def run(self, broker: Wire, connected: asyncio.Event) -> None:
        """Be a client until cancelled, connecting anew whenever the connection was lost."""
        while True:
            await self._plugged.wait()
            self._bd_seq = (self._bd_seq + 1) % 256  # a new one for each connection, before its will is told
            try:
                link = self._link = await self._connect(broker)
            except LinkLost as error:
                self._context.log(f"{self.address.node}: {error}")
                await self._context.clock.sleep(_RETRY_S)
                continue
            if not self._plugged.is_set():  # pulled in the meantime
                link.vanish()
                continue
            connected.set()
            if not self._host:
                self._be_born()
            try:
                await link.run()
            finally:
                self._stop()
                self._link = None
                link.close()

    async def _connect(self, broker: Wire) -> MessageLink:
        node = self.address
        topics = [node.topic("NCMD"), f"{NAMESPACE}/{node.group}/DCMD/{node.node}/+"]
        if self._host:
            topics.append(state_topic(self._host))
        will = Will(node.topic("NDEATH"), self._death(), 1, retain=False)
        return await self._context.places.mqtt(
            broker, self._context.clock, topics, self._received, self._context.log, will
        )

    # What it says -------------------------------------------------------------------------------

    def _be_born(self) -> None:
        """Tell the births of the node and of each device that is there."""
        self._stop()
        self._born = True
        self._seq = 0
        node = self._members.get("")
        metrics = (
            Metric(BD_SEQ, self._bd_seq, DataType.INT64, None, self.now_ms()),
            Metric(REBIRTH, False, DataType.BOOLEAN, None, self.now_ms()),
            *(node.all_metrics() if node is not None else ()),
        )
        self.say("NBIRTH", "", metrics)
        for device_id, member in self._members.items():
            if device_id and member.plugged:
                self.say("DBIRTH", device_id, member.all_metrics())
        for device_id, member in self._members.items():
            self._tickers += member.start(device_id)

    def _stop(self) -> None:
        self._born = False
        for ticker in self._tickers:
            ticker.cancel()
        self._tickers.clear()

    def say(self, kind: str, device_id: str, metrics: tuple[Metric, ...]) -> None:
        """Publish a numbered message, if the node has told its birth."""
        if self._link is None or not self._born:
            return
        address = EdgeAddress(self.address.group, self.address.node, device_id)
        payload = Payload(self.now_ms(), metrics, self._seq)
        try:
            self._link.publish(address.topic(kind), encode_payload(payload), 0)
        except LinkLost as error:  # as in the field: what is said while the broker is away is lost
            self._context.log(f"{self.address.node}: {error}")
            return
        self._seq = (self._seq + 1) % 256

    def _death(self) -> bytes:
        return encode_payload(Payload(self.now_ms(), (Metric(BD_SEQ, self._bd_seq, DataType.INT64),)))

    def now_ms(self) -> int:
        """Return the time for metrics, in ms since 1970."""
        return self._context.clock.now() // 1_000_000

    @property
    def context(self) -> EmulatorContext:
        """What its members use, too."""
        return self._context

    # What it is told ----------------------------------------------------------------------------

    def _received(self, _time_ns: int, topic: str, payload: bytes) -> None:
        try:
            if self._host and topic == state_topic(self._host):
                self._host_said(payload)
                return
            kind, addressee = parse_topic(topic)
            metrics = decode_payload(payload).metrics
        except ValueError as error:
            self._context.log(f"{self.address.node}: {topic}: {error}")
            return
        for metric in metrics:
            if kind == "NCMD" and metric.name == REBIRTH:
                if metric.value and (self._born or not self._host):
                    self._be_born()
            elif (member := self._members.get(addressee.device)) is not None:
                member.command(addressee.device, metric)

    def _host_said(self, payload: bytes) -> None:
        """Come to life with the primary host, and end the connection when it goes (6.4.24)."""
        try:
            online = bool(json.loads(payload)["online"])
        except (ValueError, KeyError, TypeError):
            raise ValueError("no state of a host") from None
        if online and not self._born:
            self._be_born()
        elif not online and self._born and self._link is not None:
            self._link.vanish()
