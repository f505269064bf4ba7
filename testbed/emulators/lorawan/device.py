"""A class A device: it sends when its time has come and listens only in the window after it has sent."""

from __future__ import annotations

import math
import random

from testbed.clock import NS, Clock, Ticker, Timer
from testbed.emulators.base import EmulatedDevice
from testbed.protocols.lorawan.airtime import EU868_CHANNELS, FRAME_OVERHEAD, AirBudget, airtime
from testbed.protocols.lorawan.payload import Payload
from testbed.protocols.lorawan.plan import Plan

from .radio import DownlinkFrame, Station, UplinkFrame

_FIRST_UPLINK = (0.3, 0.9)  # seconds after the start
_ANSWER_AFTER = (0.2, 0.5)  # seconds from a confirmed downlink to the uplink that acknowledges it


class ClassADevice:
    """Regular uplinks from its store, downlinks into it (LoRaWAN L2 1.0.4, sections 3.3 and 4.3.1).

    A confirmed downlink is acknowledged by an uplink of its own, as long as the hour's air allows for
    it, else by the next regular one. As a plug it is its antenna: unplugged, it is out of range.
    """

    def __init__(self, emulated: EmulatedDevice, plan: Plan, clock: Clock, chance: random.Random) -> None:
        self._device = emulated.device
        self._store = emulated.store
        self._plan = plan
        self._clock = clock
        self._random = chance
        self._station: Station | None = None
        self._in_range = True
        self._ack_due = False
        self._f_cnt = 0
        self._tickers: list[Ticker] = []
        self._answer: Timer | None = None
        self._answers = AirBudget(max(plan.duty_cycle - plan.uplink_duty, 0.0) * 3600)

    def start(self, station: Station) -> None:
        """Begin to send; `station` hears what is in range."""
        self._station = station
        for port, layout in self._plan.uplinks.items():
            self._tickers.append(self._every(self._plan.periods[port], layout))

    def stop(self) -> None:
        """Send no more."""
        for ticker in self._tickers:
            ticker.cancel()
        if self._answer is not None:
            self._answer.cancel()

    def plug(self) -> None:
        """Be in range."""
        self._in_range = True

    def unplug(self) -> None:
        """Be out of range: frames are sent, counted and lost."""
        self._in_range = False

    def receive(self, frame: DownlinkFrame) -> None:
        """Take a downlink, if the radio hears it; a value outside the signal's limits is not applied."""
        if not self._in_range:
            return
        self._apply(frame)
        if frame.confirmed and self._plan.uplinks:
            self._ack_due = True
            self._answer_soon()

    def _every(self, period: float, layout: Payload) -> Ticker:
        first = min(self._random.uniform(*_FIRST_UPLINK), period)
        return self._clock.every(round(period * NS), lambda: self._send(layout), round(first * NS))

    def _send(self, layout: Payload) -> None:
        values = {field.signal: field.saturate(self._reading(field.signal)) for field in layout.fields}
        frame = UplinkFrame(
            self._f_cnt,
            layout.f_port,
            layout.encode(values),
            self._ack_due,
            self._random.choice(EU868_CHANNELS),
        )
        self._f_cnt += 1
        self._ack_due = False
        if self._in_range and self._station is not None:
            self._station.heard(frame)

    def _reading(self, signal: str) -> float:
        value = self._store.read(signal)
        return value if math.isfinite(value) else 0.0

    def _apply(self, frame: DownlinkFrame) -> None:
        try:
            commanded = self._plan.commanded(frame.f_port, frame.data)
        except ValueError:
            return  # a device without a screen can only ignore what it does not understand
        for name, value in commanded.items():
            low, high = self._device.signals[name].limits or (-math.inf, math.inf)
            if low <= value <= high:
                self._store.command(name, value)

    def _answer_soon(self) -> None:
        layout = next(iter(self._plan.uplinks.values()))
        seconds = airtime(FRAME_OVERHEAD + layout.size, self._plan.spreading_factor)
        if not self._answers.take(self._clock.now(), seconds):
            return
        due_ns = self._clock.now() + round(self._random.uniform(*_ANSWER_AFTER) * NS)
        self._answer = self._clock.at(due_ns, lambda: self._acknowledge(layout))

    def _acknowledge(self, layout: Payload) -> None:
        if self._ack_due:  # a regular uplink may have carried it in the meantime
            self._send(layout)
