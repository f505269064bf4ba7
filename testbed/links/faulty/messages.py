"""A broker's messages with faults in them: what is bent is the payload, the topic stays."""

from __future__ import annotations

import contextlib
from functools import partial

from testbed.clock import Clock
from testbed.links.base import Direction, LinkLost, Lost, MessageLink, MessageReceived, Tap
from testbed.links.messages import encode_message

from .end import FaultyEnd
from .wire import FaultyWire


class FaultyMessages(FaultyEnd):
    """MQTT, through a faulty wire."""

    def __init__(
        self,
        wire: FaultyWire,
        clock: Clock,
        received: MessageReceived,
        lost: Lost,
        tap: Tap,
        retained: MessageReceived | None = None,
    ) -> None:
        super().__init__(wire, clock, lost, tap)
        self._received = received
        self._retained = retained or received
        self._inner: MessageLink | None = None
        self._sent: list[bytes] = []
        """What was recorded here and is yet to be sent by the link under this one, in its own time."""

    def over(self, inner: MessageLink) -> FaultyMessages:
        """Put it over an open link."""
        self._inner = inner
        self.joined(inner.close)
        return self

    def tapped(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Hear of what passes in the link under this one."""
        if direction is Direction.TX:
            if data in self._sent:
                self._sent.remove(data)
            else:
                self._tap(time_ns, direction, data)
            return
        super().tapped(time_ns, direction, data)

    def publish(
        self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False, expiry_s: float | None = None
    ) -> None:
        """Hand over for sending without blocking; raises LinkLost when the wire is gone."""
        if self._inner is None or not self._open:
            raise LinkLost(f"the wire of {self.wire.name} is closed")
        if self.wire.quiet(Direction.TX):
            self._inner.publish(topic, payload, qos, retain=retain, expiry_s=expiry_s)
            return
        self.tap(Direction.TX, encode_message(topic, payload))
        self.wire.carry(Direction.TX, payload, partial(self._send, topic, qos, retain, expiry_s))

    async def run(self) -> None:
        """Send what is published until the wire is lost or `close`."""
        if self._inner is not None:
            await self._inner.run()

    def arrived(self, time_ns: int, topic: str, payload: bytes) -> None:
        """Hear what comes from the broker."""
        if self.wire.quiet(Direction.RX):
            self._received(time_ns, topic, payload)
        else:
            self.wire.carry(Direction.RX, payload, partial(self._hand_on, topic, False))

    def arrived_retained(self, time_ns: int, topic: str, payload: bytes) -> None:
        """Hear what the broker had kept."""
        if self.wire.quiet(Direction.RX):
            self._retained(time_ns, topic, payload)
        else:
            self.wire.carry(Direction.RX, payload, partial(self._hand_on, topic, True))

    def close(self) -> None:
        """Close; `lost` is not called for it."""
        self._end()
        if self._inner is not None:
            self._inner.close()

    def vanish(self) -> None:
        """Close without a goodbye."""
        self._end()
        if self._inner is not None:
            self._inner.vanish()

    def _send(self, topic: str, qos: int, retain: bool, expiry_s: float | None, payload: bytes) -> None:
        if self._inner is not None and self._open:
            self._sent.append(encode_message(topic, payload))
            with contextlib.suppress(LinkLost):
                self._inner.publish(topic, payload, qos, retain=retain, expiry_s=expiry_s)

    def _hand_on(self, topic: str, retained: bool, payload: bytes) -> None:
        if self._open:
            hand_on = self._retained if retained else self._received
            hand_on(self.tap(Direction.RX, encode_message(topic, payload, retained)), topic, payload)
