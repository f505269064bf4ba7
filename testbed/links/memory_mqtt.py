"""An MQTT broker in memory: topics and subscriptions without a socket, for virtual time.

What it keeps of MQTT 3.1.1 is what a link shows: messages in the order in which they were published, to
every client that subscribed to their topic. It has no retained messages and no sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from paho.mqtt.client import topic_matches_sub

from testbed.clock import Clock

from .base import Direction, LinkLost, Lost, MessageReceived, Tap
from .messages import encode_message


class MemoryBroker:
    """Hands each message to the links that subscribed to its topic, in the order of their connecting."""

    def __init__(self, name: str, transit_ns: int = 0) -> None:
        self.name = name
        self._transit_ns = transit_ns
        self._links: list[MemoryMessageLink] = []

    def connect(
        self, clock: Clock, subscriptions: Iterable[str], received: MessageReceived, lost: Lost, tap: Tap
    ) -> MemoryMessageLink:
        """Return a link with its subscriptions in place."""
        link = MemoryMessageLink(self, clock, tuple(subscriptions), received, lost, tap)
        self._links.append(link)
        return link

    def forward(self, topic: str, payload: bytes) -> None:
        """Deliver a message to all who subscribed to it, each in a turn of its own."""
        for link in self._links:
            if link.wants(topic):
                due_ns = link.clock.now() + self._transit_ns
                link.clock.at(due_ns, partial(link.arrived, topic, payload))

    def forget(self, link: MemoryMessageLink) -> None:
        """Take a link off."""
        if link in self._links:
            self._links.remove(link)

    def stop(self) -> None:
        """End every connection, as a broker that ends does."""
        for link in list(self._links):
            link.fail(f"lost the MQTT broker at {self.name}: the connection was closed")


class MemoryMessageLink:
    """A connection to a `MemoryBroker`."""

    def __init__(
        self,
        broker: MemoryBroker,
        clock: Clock,
        subscriptions: tuple[str, ...],
        received: MessageReceived,
        lost: Lost,
        tap: Tap,
    ) -> None:
        self._broker = broker
        self.clock = clock
        self._subscriptions = subscriptions
        self._received = received
        self._lost = lost
        self._tap = tap
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Hand over for sending; raises LinkLost when the connection is gone, ValueError for a bad topic."""
        frame = encode_message(topic, payload)
        if self._ended.done():
            raise LinkLost(f"{self._broker.name}: the connection to the broker is closed")
        self._tap(self.clock.now(), Direction.TX, frame)
        self._broker.forward(topic, payload)

    async def run(self) -> None:
        """Return when the broker is lost or the link closed."""
        await asyncio.shield(self._ended)

    def close(self) -> None:
        """Disconnect."""
        self._broker.forget(self)
        if not self._ended.done():
            self._ended.set_result(None)

    # For the broker -----------------------------------------------------------------------------

    def wants(self, topic: str) -> bool:
        """Return whether a subscription matches."""
        return any(topic_matches_sub(wanted, topic) for wanted in self._subscriptions)

    def arrived(self, topic: str, payload: bytes) -> None:
        """Take a message."""
        if not self._ended.done():
            time_ns = self.clock.now()
            self._tap(time_ns, Direction.RX, encode_message(topic, payload))
            self._received(time_ns, topic, payload)

    def fail(self, reason: str) -> None:
        """Lose the connection."""
        if not self._ended.done():
            self.close()
            self._lost(reason)
