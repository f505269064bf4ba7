"""Actuators in the hands of people: each by a lease that ends unless it is renewed."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable, Mapping

import msgspec

from testbed.clock import NS, Clock, Ticker
from testbed.errors import TestbedError
from testbed.signals import Command, Event, Level, Outcome, Signal
from testbed.twin.guard import BY_HAND

from .commander import Commander
from .loop import LoopRunner

_CHECK_NS = 200_000_000
TAKEN, GIVEN = "manual", "automatic"
"""The kinds of the events that tell of the beginning and the end of a lease."""
END = "end of manual control"
"""Who asks for the safe value when an actuator is given back that no loop owns."""
SHORTEST_S, LONGEST_S = 1.0, 60.0
"""What a lease may last without being renewed: a browser asks for seconds, a script for up to a minute."""


class ManualRefused(TestbedError):
    """Somebody may not take, or no longer has, an actuator."""

    exit_code = 2


class Lease(msgspec.Struct):
    """`who` holds `signal` until `until_ns`, which each renewal puts `span_ns` ahead; 0: until given back."""

    id: str
    signal: Signal
    who: str
    span_ns: int
    until_ns: int


class ManualControl:
    """Lends actuators to people, one person each.

    While an actuator is lent, the loop that owns it rests. When a lease ends (given back, run out, its
    holder lost), the loop takes the actuator back; one without a loop is driven to its safe value, again
    and again until the device has taken it.
    """

    def __init__(
        self,
        signals: Mapping[str, Signal],
        clock: Clock,
        commander: Commander,
        loops: Iterable[LoopRunner],
        drive_safe: Callable[[Signal, str], Command],
        told: Callable[[Signal], float],
        report: Callable[[Event], None],
    ) -> None:
        """`told` gives the value that an actuator was told last (NaN: none), `signals` are keyed by path."""
        self._signals = signals
        self._clock = clock
        self._commander = commander
        self._loops = {loop.spec.writes.path: loop for loop in loops}
        self._drive_safe = drive_safe
        self._told = told
        self._report = report
        self._leases: dict[str, Lease] = {}
        self._unsettled: dict[str, Command] = {}
        self._lending = False
        self._ticker: Ticker | None = None

    def start(self) -> None:
        """Begin to lend."""
        self._lending = True

    def stop(self) -> None:
        """End every lease without driving anything: whoever calls brings all actuators to safety."""
        self._lending = False
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        self._leases.clear()
        self._unsettled.clear()

    @property
    def leases(self) -> list[Lease]:
        """What is lent now."""
        return list(self._leases.values())

    def holder(self, signal: Signal) -> str | None:
        """Return who has a signal in hand, None if nobody has."""
        return next((lease.who for lease in self._leases.values() if lease.signal is signal), None)

    def take(self, path: str, who: str, seconds: float) -> Lease:
        """Lend the signal at `path` to `who`; raises ManualRefused when that cannot be."""
        if not SHORTEST_S <= seconds <= LONGEST_S:
            raise ManualRefused(f"a lease lasts {SHORTEST_S:g} to {LONGEST_S:g} s, not {seconds:g} s")
        return self._take(self._lendable(path), who, round(seconds * NS))

    def hold(self, signal: Signal, who: str) -> Lease:
        """Lend a signal until it is given back: for what ends with the run, as its tests do."""
        return self._take(signal, who, 0)

    async def hold_from_loop(self, signal: Signal, value: float, who: str) -> None:
        """Have the loop that owns a signal rest, if one does, before `who` commands `value`.

        Returns when its slew allows that step from what the loop commanded last.
        """
        if signal.path not in self._loops or self.holder(signal) is not None or not self._lending:
            return
        self.hold(signal, who)
        step = abs(value - self._told(signal))
        if signal.slew and math.isfinite(step):
            await self._clock.sleep(step / signal.slew)

    def _take(self, signal: Signal, who: str, span_ns: int) -> Lease:
        path = signal.path
        if (holder := self.holder(signal)) is not None:
            raise ManualRefused(f"{path} is in the hands of {holder}", "ask them to give it back")
        if self._ticker is None:
            self._ticker = self._clock.every(_CHECK_NS, self._check)
        lease = Lease(secrets.token_urlsafe(16), signal, who, span_ns, self._clock.now() + span_ns)
        self._leases[lease.id] = lease
        self._unsettled.pop(path, None)
        loop = self._loops.get(path)
        if loop is not None:
            loop.hold()
        rests = f"; loop {loop.spec.name} rests" if loop is not None else ""
        self._tell(lease, TAKEN, f"{who} takes {path} in hand{rests}")
        return lease

    def renew(self, number: str) -> Lease:
        """Put the end of a lease ahead; raises ManualRefused when it has ended."""
        lease = self._lease(number)
        lease.until_ns = self._clock.now() + lease.span_ns
        return lease

    def give(self, number: str, value: float, on_done: Callable[[Command], None]) -> None:
        """Command a lent actuator, which renews its lease; raises ManualRefused when that has ended."""
        lease = self.renew(number)
        self._commander.command(lease.signal, value, f"{lease.who}{BY_HAND}", on_done=on_done)

    def release(self, number: str, why: str = "gives it back") -> None:
        """End a lease; one that has ended already is no error."""
        if number in self._leases:
            lease = self._leases[number]
            self._end(lease, f"{lease.who} {why}")

    def _lendable(self, path: str) -> Signal:
        signal = self._signals.get(path)
        if not self._lending:
            raise ManualRefused("the run has come to its end", "start another run")
        if signal is None or not signal.writable:
            raise ManualRefused(f"{path} is no signal of this bench that can be written")
        if not self._commander.reachable(signal):
            raise ManualRefused(f"{signal.device} is not online", "see its reason on the live page")
        return signal

    def _lease(self, number: str) -> Lease:
        lease = self._leases.get(number)
        if lease is None:
            raise ManualRefused("this lease has ended", "take the actuator in hand again")
        return lease

    def _check(self) -> None:
        now = self._clock.now()
        assert self._ticker is not None  # noqa: S101  (we are its callback)
        if now - self._ticker.due_ns > _CHECK_NS:
            return  # we ourselves were held up, and renewals may wait to be read
        for lease in self.leases:
            if lease.span_ns and now > lease.until_ns:
                self._end(lease, f"nothing was heard of {lease.who} for {lease.span_ns / NS:g} s")
        for path, command in list(self._unsettled.items()):
            if command.outcome is Outcome.ACKNOWLEDGED:
                del self._unsettled[path]
            elif not command.pending and self._commander.reachable(self._signals[path]):
                self._unsettled[path] = self._drive_safe(self._signals[path], command.requester)

    def _end(self, lease: Lease, why: str) -> None:
        signal = lease.signal
        del self._leases[lease.id]
        loop = self._loops.get(signal.path)
        if loop is not None:
            self._tell(lease, GIVEN, f"{why}: loop {loop.spec.name} takes {signal.path} back")
            loop.release(self._told(signal))
            return
        text = f"{why}: {signal.path} goes to its safe value {signal.safe:g} {signal.unit}"
        self._tell(lease, GIVEN, text.rstrip())
        self._unsettled[signal.path] = self._drive_safe(signal, END)

    def _tell(self, lease: Lease, kind: str, text: str) -> None:
        self._report(Event(self._clock.now(), Level.INFO, lease.signal.path, kind, text))
