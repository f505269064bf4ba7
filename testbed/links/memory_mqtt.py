"""An MQTT broker in memory: topics and subscriptions without a socket, for virtual time.

What it keeps of MQTT is what a link shows: messages in the order in which they were published, to every
client that subscribed to their topic; retained ones for those who come later; the wills of clients that
`vanish`. It has no sessions: whoever is not connected misses what is published.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from paho.mqtt.client import topic_matches_sub

from testbed.clock import Clock

from .base import Direction, LinkLost, Lost, MessageReceived, Tap, Will
from .messages import encode_message


class MemoryBroker:
    """Hands each message to the links that subscribed to its topic, in the order of their connecting."""

    def __init__(self, name: str, transit_ns: int = 0) -> None:
        self.name = name
        self._transit_ns = transit_ns
        self._links: list[MemoryMessageLink] = []
        self._kept: dict[str, bytes] = {}

    def connect(
        self,
        clock: Clock,
        subscriptions: Iterable[str],
        received: MessageReceived,
        lost: Lost,
        tap: Tap,
        *,
        retained: MessageReceived | None = None,
        will: Will | None = None,
    ) -> MemoryMessageLink:
        """Return a link with its subscriptions in place; what was kept for them comes after a transit."""
        link = MemoryMessageLink(self, clock, tuple(subscriptions), received, lost, tap, retained, will)
        self._links.append(link)
        for topic, payload in self._kept.items():
            if link.wants(topic):
                clock.at(clock.now() + self._transit_ns, partial(link.arrived, topic, payload, True))
        return link

    def forward(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Deliver a message to all who subscribed to it, each in a turn of its own."""
        if retain:
            self._kept.pop(topic, None)
            if payload:  # an empty one clears it (MQTT 3.1.1, section 3.3.1.3)
                self._kept[topic] = payload
        for link in list(self._links):
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
        retained: MessageReceived | None,
        will: Will | None,
    ) -> None:
        self._broker = broker
        self.clock = clock
        self._subscriptions = subscriptions
        self._received = received
        self._retained = retained or received
        self._will = will
        self._lost = lost
        self._tap = tap
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def publish(
        self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False, expiry_s: float | None = None
    ) -> None:
        """Hand over for sending; raises LinkLost when the connection is gone, ValueError for a bad topic."""
        frame = encode_message(topic, payload)
        if self._ended.done():
            raise LinkLost(f"{self._broker.name}: the connection to the broker is closed")
        self._tap(self.clock.now(), Direction.TX, frame)
        self._broker.forward(topic, payload, retain)

    async def run(self) -> None:
        """Return when the broker is lost or the link closed."""
        await asyncio.shield(self._ended)

    def close(self) -> None:
        """Disconnect."""
        self._broker.forget(self)
        if not self._ended.done():
            self._ended.set_result(None)

    def vanish(self) -> None:
        """End without a goodbye: the broker publishes the will."""
        if not self._ended.done():
            self.close()
            if self._will is not None:
                self._broker.forward(self._will.topic, self._will.payload, self._will.retain)

    # For the broker -----------------------------------------------------------------------------

    def wants(self, topic: str) -> bool:
        """Return whether a subscription matches."""
        return any(topic_matches_sub(wanted, topic) for wanted in self._subscriptions)

    def arrived(self, topic: str, payload: bytes, retained: bool = False) -> None:
        """Take a message."""
        if not self._ended.done():
            time_ns = self.clock.now()
            self._tap(time_ns, Direction.RX, encode_message(topic, payload, retained))
            (self._retained if retained else self._received)(time_ns, topic, payload)

    def fail(self, reason: str) -> None:
        """Lose the connection."""
        if not self._ended.done():
            self.close()
            self._lost(reason)
