"""The LoRaWAN side of a class A device: joins, frames, windows, counters, repetitions, MAC commands."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from testbed.bench.radio import NodeSpec
from testbed.clock import NS, Clock, Timer
from testbed.protocols.lorawan.airtime import EU868_DUTY, airtime
from testbed.protocols.lorawan.crypto import session_keys
from testbed.protocols.lorawan.eu868 import JOIN_CHANNELS, MAX_MAC_PAYLOAD, DutyCycle
from testbed.protocols.lorawan.frames import DataFrame, JoinAccept, JoinRequest, address_of, decode_data
from testbed.protocols.lorawan.mac import MacCommand, join_commands, split_commands
from testbed.protocols.lorawan.plan import Plan

from .air import Air, Reception, Signal, Spot
from .identity import JOIN_EUI, Identity, Session
from .settings import DeviceSettings
from .windows import Window, windows_after, windows_after_join

Payload = tuple[int, bytes]
"""fPort and data."""

_CONFIRMED_TRIES = 8
_RETRY = (1.0, 3.0)  # seconds from the end of the windows to the next try (ACK_TIMEOUT)
_JOIN_RETRY = (5.0, 15.0)
_QUEUE = 4  # uplinks that may wait while the device is busy


@dataclass
class _Sending:
    frame: DataFrame
    phy: bytes
    left: int


class Node:
    """Sends what it is given, and hands on what it hears to `received`.

    `joined` is called when it may send: at once where it is activated by personalization.
    """

    hears_uplinks = False

    def __init__(
        self,
        plan: Plan,
        spec: NodeSpec,
        identity: Identity,
        air: Air,
        clock: Clock,
        chance: random.Random,
        log: Callable[[str], None],
        received: Callable[[Payload, bool], None],
    ) -> None:
        self.spot = Spot(*spec.at, spec.loss)
        payloads = (*plan.uplinks.values(), *plan.downlinks.values())
        largest = max((payload.size for payload in payloads), default=0)
        self.settings = DeviceSettings(plan.data_rate, largest, adr=spec.adr)
        self.in_range = True
        self._plan = plan
        self._spec = spec
        self._identity = identity
        self._air = air
        self._clock = clock
        self._random = chance
        self._log = log
        self._received = received
        self._joined: Callable[[], None] = lambda: None
        self._duty = DutyCycle(plan.duty_cycle / EU868_DUTY)
        self._held_back = False
        # A device that sends more often has no time for the second window.
        self._second = min(plan.periods.values(), default=10.0) > plan.rx1_delay + 1.5
        self._session: Session | None = None
        self._dev_nonce = 0
        self._ack_due = False
        self._answers: list[MacCommand] = []
        self._queue: deque[Callable[[], Payload]] = deque()
        self._current: _Sending | None = None
        self._windows: list[Window] = []
        self._hearing_until = 0
        self._timer: Timer | None = None
        air.join(self)

    @property
    def ack_due(self) -> bool:
        """Whether the next uplink acknowledges a downlink."""
        return self._ack_due

    def start(self, joined: Callable[[], None]) -> None:
        """Join if that is its way, and call `joined`."""
        self._joined = joined
        if self._spec.activation == "otaa":
            self._join()
        else:
            self._session = Session(self._identity.dev_addr, self._identity.keys)
            joined()

    def stop(self) -> None:
        """Be silent."""
        self._queue.clear()
        self._current = None
        if self._timer is not None:
            self._timer.cancel()

    def send(self, make: Callable[[], Payload]) -> None:
        """Send what `make` gives, at once or when the windows of the uplink before are over."""
        if self._session is None or make in self._queue:
            return
        if self._current is None:
            self._begin(make)
        elif len(self._queue) < _QUEUE:
            self._queue.append(make)

    # Uplinks ------------------------------------------------------------------------------------

    def _begin(self, make: Callable[[], Payload]) -> None:
        session = self._session
        if session is None:
            return
        f_port, data = make()
        answers = self._fitting(len(data))
        frame = DataFrame(
            True, session.dev_addr, session.sent, f_port, data, self._spec.confirmed, self._ack_due,
            self.settings.adr, self.settings.asks, f_opts=join_commands(answers),
        )  # fmt: skip
        tries = max(self.settings.radio.nb_trans, _CONFIRMED_TRIES if self._spec.confirmed else 1)
        self._current = _Sending(frame, frame.encode(session.keys), tries)
        if self._transmit(self._current):
            self._ack_due = False
            session.sent += 1
            self.settings.sent()
            del self._answers[: len(answers)]

    def _fitting(self, payload: int) -> list[MacCommand]:
        """Return the answers that go with a payload of so many bytes; the others wait."""
        room = min(15, MAX_MAC_PAYLOAD[self.settings.spreading_factor] - 8 - payload)
        fitting = list[MacCommand]()
        for answer in self._answers:
            room -= 1 + len(answer.body)
            if room < 0:
                break
            fitting.append(answer)
        return fitting

    def _transmit(self, sending: _Sending) -> bool:
        """Send a frame once; returns False when the law allows it on no channel."""
        factor = self.settings.spreading_factor
        signal = self._on_air(sending.phy, self.settings.channels, factor, self.settings.eirp)
        if signal is None:
            self._finish()
            return False
        sending.left -= 1
        self._listen(windows_after(signal, self._plan.rx1_delay, second=self._second))
        return True

    def _on_air(self, phy: bytes, channels: list[int], factor: int, eirp: float) -> Signal | None:
        now_ns, seconds = self._clock.now(), airtime(len(phy), factor)
        free = [each for each in channels if self._duty.allows(now_ns, each, seconds)]
        if not free:
            if not self._held_back:
                self._log("no uplink: the hour's air is spent on every channel")
            self._held_back = True
            return None
        self._held_back = False
        frequency = self._random.choice(free)
        self._duty.take(now_ns, frequency, seconds)
        if self.in_range:
            return self._air.transmit(self.spot, phy, frequency, factor, eirp, uplink=True)
        return Signal(phy, frequency, factor, True, now_ns, now_ns + round(seconds * NS))

    def _finish(self) -> None:
        self._current = None
        self._windows = []
        if self._timer is not None:
            self._timer.cancel()
        if self._queue:
            self._begin(self._queue.popleft())

    # Windows ------------------------------------------------------------------------------------

    def _listen(self, windows: list[Window]) -> None:
        self._windows = windows
        self._hearing_until = 0
        self._timer = self._clock.at(windows[-1].over_ns, self._silence)

    def _silence(self) -> None:
        if self._hearing_until > self._clock.now():
            self._timer = self._clock.at(self._hearing_until + 1, self._silence)
            return
        self._windows = []
        if self._session is None:
            self._later(_JOIN_RETRY, self._join)
        elif self._current is None or self._current.left <= 0 or self._queue:
            self._finish()
        else:
            self._later(_RETRY, self._repeat)

    def _later(self, span: tuple[float, float], what: Callable[[], None]) -> None:
        due_ns = self._clock.now() + round(self._random.uniform(*span) * NS)
        self._timer = self._clock.at(due_ns, what)

    def _repeat(self) -> None:
        if self._current is not None:
            self._transmit(self._current)

    def begins(self, signal: Signal) -> bool:
        """Return whether it listens to a frame that begins."""
        if not self.in_range or not any(window.hears(signal) for window in self._windows):
            return False
        self._hearing_until = signal.end_ns
        return True

    def heard(self, signal: Signal, reception: Reception) -> None:
        """Take a frame if it is for this device, of this session, and new."""
        if not self.in_range:
            return
        if self._session is None:
            self._accepted(signal.phy)
            return
        try:
            frame = self._open(self._session, signal.phy)
        except ValueError:
            return  # another's, damaged, or played again: a device can only ignore it
        self.settings.answered()
        self._obey(frame, reception.snr)
        self._ack_due |= frame.confirmed
        if frame.f_port:
            self._received((frame.f_port, frame.payload), frame.confirmed)
        if frame.ack or self._current is None or not self._current.frame.confirmed:
            self._finish()  # else the network has heard us not, or not yet: the repetition goes on

    def _open(self, session: Session, phy: bytes) -> DataFrame:
        dev_addr, low = address_of(phy)
        if dev_addr != session.dev_addr:
            raise ValueError(f"for {dev_addr:08x}")
        number = session.received.next(low)
        frame = decode_data(phy, session.keys, number)
        if frame.uplink:
            raise ValueError("an uplink")
        session.received.take(number)
        return frame

    def _obey(self, frame: DataFrame, snr: float) -> None:
        try:
            commands = split_commands(
                frame.f_opts or (frame.payload if frame.f_port == 0 else b""), uplink=False
            )
        except ValueError:
            return
        answers = (self.settings.obey(command, snr) for command in commands)
        self._answers += [answer for answer in answers if answer is not None]

    # Joining --------------------------------------------------------------------------------------

    def _join(self) -> None:
        self._dev_nonce += 1
        request = JoinRequest(JOIN_EUI, self._identity.dev_eui, self._dev_nonce)
        phy = request.encode(self._identity.app_key)
        channels = list(JOIN_CHANNELS)
        signal = self._on_air(phy, channels, self.settings.spreading_factor, self.settings.eirp)
        if signal is None:
            self._later(_JOIN_RETRY, self._join)
        else:
            self._listen(windows_after_join(signal))

    def _accepted(self, phy: bytes) -> None:
        try:
            accept = JoinAccept.decode(phy, self._identity.app_key)
        except ValueError:
            return
        keys = session_keys(self._identity.app_key, accept.join_nonce, accept.net_id, self._dev_nonce)
        self._session = Session(accept.dev_addr, keys)
        self._finish()
        self._joined()
