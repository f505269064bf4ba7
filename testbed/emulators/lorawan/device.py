"""A class A device: regular uplinks from its store, downlinks into it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial

from testbed.bench.radio import NodeSpec
from testbed.clock import NS, Clock, Ticker, Timer
from testbed.emulators.base import EmulatedDevice
from testbed.protocols.lorawan.airtime import FRAME_OVERHEAD, AirBudget, airtime
from testbed.protocols.lorawan.payload import Payload
from testbed.protocols.lorawan.plan import Plan

from .air import Air
from .identity import Identity
from .node import Node
from .node import Payload as Sent

_FIRST_UPLINK = (0.3, 0.9)  # seconds after the start, or after it has joined
_ANSWER_AFTER = (0.2, 0.5)  # seconds from a confirmed downlink to the uplink that acknowledges it


class ClassADevice:
    """What the device measures and does; how that goes over the air is the part of its `Node`.

    A confirmed downlink is acknowledged by an uplink of its own, as long as the hour's air allows for
    it, else by the next regular one. As a plug it is its antenna: unplugged, it is out of range.
    """

    def __init__(
        self,
        emulated: EmulatedDevice,
        plan: Plan,
        spec: NodeSpec,
        identity: Identity,
        air: Air,
        clock: Clock,
        chance: random.Random,
        log: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._device = emulated.device
        self._store = emulated.store
        self._plan = plan
        self._clock = clock
        self._random = chance
        self.node = Node(plan, spec, identity, air, clock, chance, log, self._received)
        self._makers = {port: partial(self._payload, each) for port, each in plan.uplinks.items()}
        self._tickers: list[Ticker] = []
        self._answer: Timer | None = None
        self._answers = AirBudget(max(plan.duty_cycle - plan.uplink_duty, 0.0) * 3600)

    def start(self) -> None:
        """Begin to send."""
        self.node.start(self._joined)

    def stop(self) -> None:
        """Send no more."""
        self.node.stop()
        for ticker in self._tickers:
            ticker.cancel()
        if self._answer is not None:
            self._answer.cancel()

    def plug(self) -> None:
        """Be in range."""
        self.node.in_range = True

    def unplug(self) -> None:
        """Be out of range: frames are sent, counted and lost."""
        self.node.in_range = False

    def _joined(self) -> None:
        for port, make in self._makers.items():
            period = self._plan.periods[port]
            first = min(self._random.uniform(*_FIRST_UPLINK), period)
            ticker = self._clock.every(round(period * NS), partial(self.node.send, make), round(first * NS))
            self._tickers.append(ticker)

    def _payload(self, layout: Payload) -> Sent:
        values = {field.signal: field.saturate(self._reading(field.signal)) for field in layout.fields}
        return layout.f_port, layout.encode(values)

    def _reading(self, signal: str) -> float:
        value = self._store.read(signal)
        return value if math.isfinite(value) else 0.0

    # Downlinks ----------------------------------------------------------------------------------

    def _received(self, sent: Sent, confirmed: bool) -> None:
        try:
            commanded = self._plan.commanded(*sent)
        except ValueError:
            commanded = {}  # a device without a screen can only ignore what it does not understand
        for name, value in commanded.items():
            low, high = self._device.signals[name].limits or (-math.inf, math.inf)
            if low <= value <= high:
                self._store.command(name, value)
        if confirmed and self._makers:
            self._answer_soon()

    def _answer_soon(self) -> None:
        port, layout = next(iter(self._plan.uplinks.items()))
        seconds = airtime(FRAME_OVERHEAD + layout.size, self.node.settings.spreading_factor)
        if not self._answers.take(self._clock.now(), seconds):
            return
        due_ns = self._clock.now() + round(self._random.uniform(*_ANSWER_AFTER) * NS)
        self._answer = self._clock.at(due_ns, lambda: self._acknowledge(port))

    def _acknowledge(self, port: int) -> None:
        if self.node.ack_due:  # a regular uplink may have carried it in the meantime
            self.node.send(self._makers[port])
