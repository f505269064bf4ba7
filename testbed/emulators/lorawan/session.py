"""The network server's side of one device: its queue of downlinks and what an uplink sets off.

It does what ChirpStack v4 does in uplink/data.rs (`up`, then `ack`) and downlink/data.rs (the queue:
an unanswered confirmed item is given up at the next uplink, expired and oversized items are logged).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from testbed.clock import NS, Clock, Timer
from testbed.protocols.lorawan.airtime import EU868_MAX_PAYLOAD
from testbed.protocols.lorawan.events import Downlink
from testbed.protocols.lorawan.plan import Plan

from .device import ClassADevice
from .events import DOWNLINK_PAYLOAD_SIZE, EXPIRED, EventComposer
from .radio import DownlinkFrame, UplinkFrame

Publish = Callable[[str, Any], None]
"""Called with the kind of an event (up, ack, ...) and the event."""


@dataclass
class _Item:
    downlink: Downlink
    f_cnt: int = 0


class DeviceSession:
    """Hears one device, publishes its events and sends it one queued downlink after an uplink."""

    def __init__(
        self, plan: Plan, device: ClassADevice, events: EventComposer, clock: Clock, publish: Publish
    ) -> None:
        self._plan = plan
        self._device = device
        self._events = events
        self._clock = clock
        self._publish = publish
        self._queue: deque[_Item] = deque()
        self._pending: _Item | None = None
        self._f_cnt_down = 0
        self._window: Timer | None = None

    def enqueue(self, downlink: Downlink) -> None:
        """Add a downlink to the queue."""
        self._queue.append(_Item(msgspec.structs.replace(downlink, id=downlink.id or self._events.new_id())))

    def heard(self, frame: UplinkFrame) -> None:
        """Take an uplink: publish it, settle the pending downlink, and open the window for the next."""
        deduplication_id = self._events.new_id()
        self._publish("up", self._events.up(frame, deduplication_id))
        pending, self._pending = self._pending, None
        if pending is not None:
            item_id = pending.downlink.id
            self._publish("ack", self._events.ack(item_id, pending.f_cnt, frame.ack, deduplication_id))
        if self._window is not None:
            self._window.cancel()
        opens_ns = self._clock.now() + round(self._plan.rx1_delay * NS)
        self._window = self._clock.at(opens_ns, lambda: self._send_next(frame.frequency))

    def stop(self) -> None:
        """Send no more."""
        if self._window is not None:
            self._window.cancel()

    def _send_next(self, frequency: int) -> None:
        item = self._next_item()
        if item is None:
            return
        item.f_cnt = self._f_cnt_down
        self._f_cnt_down += 1
        down = item.downlink
        if down.confirmed:
            self._pending = item
        self._publish("txack", self._events.txack(down.id, item.f_cnt, frequency))
        self._device.receive(DownlinkFrame(item.f_cnt, down.f_port, down.data, down.confirmed))

    def _next_item(self) -> _Item | None:
        limit = EU868_MAX_PAYLOAD[self._plan.spreading_factor]
        while self._queue:
            item = self._queue.popleft()
            down = item.downlink
            if down.expires_ns and down.expires_ns < self._clock.now():
                text = "Device queue-item discarded because it has expired"
                self._publish("log", self._events.error(EXPIRED, text, queue_item_id=down.id))
            elif len(down.data) > limit:
                text = "Device queue-item discarded because it exceeds the max. payload size"
                sizes = {"max_payload_size": str(limit), "item_size": str(len(down.data))}
                event = self._events.error(DOWNLINK_PAYLOAD_SIZE, text, **sizes, queue_item_id=down.id)
                self._publish("log", event)
            else:
                return item
        return None
