"""A closed loop: the arrival of its sample starts a cycle, its timer only notices that none came."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from testbed.bench import Loop
from testbed.clock import Clock, Ticker
from testbed.signals import Command, Event, Level, Outcome, Quality, Sample, Verdict
from testbed.twin import LiveTwin

from .commander import Commander
from .controllers import GetTwin, Read, make_controller
from .setpoint import Setpoint
from .terms import NO_TERMS, Terms

OVERRUN = 1
"""Flag of a cycle that came while the command before it was still on its way."""

ACTED_SAFE = 2
"""Flag of a cycle that, for want of a fresh sample, commanded the safe value in place of the controller's."""

_FASTEST_CHECK_NS = 20_000_000


def _no_twin(name: str) -> LiveTwin:
    raise LookupError(f"no twin of {name} runs")


class CycleLog(Protocol):
    """Where each cycle is written: its timing in ns, -1 where there is none, and the controller's terms."""

    def add(
        self,
        time_ns: int,
        lateness_ns: int,
        age_ns: int,
        latency_ns: int,
        acknowledged_ns: int,
        flags: int,
        terms: Terms,
    ) -> None:
        """Add one cycle."""


class LoopRunner:
    """Runs one loop: setpoint and sample to controller to command, each cycle timed.

    Samples that come faster than the loop's rate are passed over. A sample that is not good is never
    acted on; when the last good one is older than `stale_after`, the output goes to its safe value
    and the controller starts afresh with the next good sample. While the actuator's device is not
    online, or a person holds it, the loop rests.
    """

    def __init__(
        self,
        spec: Loop,
        clock: Clock,
        commander: Commander,
        cycles: CycleLog,
        report: Callable[[Event], None],
        drive_safe: Callable[[str], Command],
        told: Callable[[], float] = lambda: math.nan,
        read: Read = lambda signal: math.nan,
        publish: Callable[[Sample], None] = lambda sample: None,
        twin: GetTwin = _no_twin,
    ) -> None:
        """`drive_safe` drives the actuator to its safe value; `told` gives what it was told last.

        `read` gives the controller the other signals that it looks at, `publish` tells of a setpoint that
        moves, `twin` gives it the twins whose models it reckons with.
        """
        self.spec = spec
        self.armed = True
        self.held = False
        self.setpoint = Setpoint(spec, clock, publish, report, self._follows)
        self.inner: Setpoint | None = None
        """The setpoint that it writes, if that is another loop's."""
        self._clock = clock
        self._commander = commander
        self._cycles = cycles
        self._report = report
        self._drive_safe = drive_safe
        self._told = told
        self.controller = make_controller(spec.controller, spec.writes, read, twin)
        """What reckons its output."""
        self._requester = f"loop {spec.name}"
        self._stale_requester = f"loop {spec.name}: {spec.reads.path} is stale"
        # A sample may be early by half the time between two, or the one before the right one is taken.
        self._early_ns = spec.reads.period_ns // 2 or spec.period_ns // 4
        self._safe_value = math.nan if spec.writes.safe is None else spec.writes.safe
        self._trouble = ""
        self._last_ns = 0
        self._computed_ns = 0
        self._good_ns = clock.now()
        self._safe = False
        self._safe_command: Command | None = None
        self._pending: Command | None = None
        self._ticker: Ticker | None = None

    @property
    def mode(self) -> str:
        """How it stands: automatic, manual (a person holds its actuator), or safe (its samples are stale)."""
        return "manual" if self.held else "safe" if self._safe else "automatic"

    def _follows(self) -> bool:
        """Return whether the loop acts now."""
        acts = self.armed and not self.held and not self._safe
        return acts and self._commander.reachable(self.spec.writes)

    def start(self) -> None:
        """Begin to watch the age of the last good sample."""
        self._good_ns = self._clock.now()
        self._restart(self._there())
        self.setpoint.start()
        period = max(self.spec.stale_after_ns // 4, _FASTEST_CHECK_NS)
        self._ticker = self._clock.every(period, self._check)

    def stop(self) -> None:
        """Act on nothing any more."""
        self.armed = False
        if self._ticker is not None:
            self._ticker.cancel()

    def hold(self) -> None:
        """Leave the actuator to a person; the age of the samples is watched on."""
        self.held = True

    def release(self, output: float) -> None:
        """Take the actuator back from its present `output` (NaN: unknown); safe if the samples are stale."""
        self.held = False
        if self._safe:
            self._safe_command = self._drive_safe(self._stale_requester)
        else:
            self._restart(output)

    def on_sample(self, sample: Sample) -> None:
        """Run a cycle if one is due; on the hot path."""
        if sample.quality is not Quality.GOOD or not self.armed:
            return
        self._good_ns = sample.time_ns
        if self.held:
            return
        due = self._last_ns + self.spec.period_ns
        if sample.time_ns < due - self._early_ns:
            return
        if not self._commander.reachable(self.spec.writes):
            self._restart(self._there())  # nothing would reach the actuator, and the integral must not grow
            return
        if self._safe:
            self._resume()
        now = self._clock.now()
        first = self._last_ns == 0
        lateness = 0 if first else max(0, now - due)
        self._last_ns = sample.time_ns
        self._cycle(sample, now, lateness)

    def _cycle(self, sample: Sample, now: int, lateness: int) -> None:
        age = now - sample.time_ns
        if self._pending is not None and self._pending.pending:
            # The actuator is slower than the loop: a second command would only queue behind the first.
            terms = NO_TERMS._replace(setpoint=self.setpoint.value, measured=sample.value)
            self._cycles.add(now, lateness, age, -1, -1, OVERRUN, terms)
            return
        # Times of samples, not of our own turns: the controller then depends on nothing but what was
        # measured and when, so that a replay of the bytes gives the same commands to the last bit. Since
        # the last cycle that computed: an overrun must cost the integral no time.
        since_ns = sample.time_ns - self._computed_ns if self._computed_ns else self.spec.period_ns
        self._computed_ns = sample.time_ns
        dt = since_ns / 1e9
        self.controller.stuck = 0 if self.inner is None else self.inner.pushing
        output = self.controller.compute(self.setpoint.follow(sample, dt), sample.value, dt)
        terms = self.controller.terms
        self._tell_trouble(sample.time_ns)
        self.setpoint.pushing = self.controller.pushing

        def done(command: Command) -> None:
            self._done(command, now, lateness, age, terms)

        command = self._commander.command(
            self.spec.writes, output, self._requester, cause_ns=sample.time_ns, on_done=done
        )
        self._pending = command
        if command.verdict is not Verdict.ALLOWED:
            self.controller.applied(command.value if command.verdict.passes else self._told())

    def _tell_trouble(self, time_ns: int) -> None:
        """Report what is in the way of the controller when that begins and when it is over."""
        trouble = self.controller.trouble
        if trouble == self._trouble:
            return
        self._trouble = trouble
        level, kind = (Level.WARNING, "trouble") if trouble else (Level.INFO, "well")
        text = f"loop {self.spec.name}: {trouble or 'its controller is well again'}"
        self._report(Event(time_ns, level, self.spec.name, kind, text))

    def _done(self, command: Command, now: int, lateness: int, age: int, terms: Terms) -> None:
        written = command.sent_ns - command.cause_ns if command.sent_ns else -1
        acknowledged = -1
        if command.outcome is Outcome.ACKNOWLEDGED:
            acknowledged = command.done_ns - command.cause_ns
        self._cycles.add(now, lateness, age, written, acknowledged, 0, terms)

    def _check(self) -> None:
        now = self._clock.now()
        assert self._ticker is not None  # noqa: S101  (we are its callback)
        if now - self._ticker.due_ns > self._ticker.period_ns:
            return  # we ourselves were held up, and what has arrived is yet to be read
        if self._safe:
            self._insist()
            return
        age = now - self._good_ns
        if age <= self.spec.stale_after_ns:
            return
        self._safe = True
        text = (
            f"loop {self.spec.name}: no good sample of {self.spec.reads.path} for {age / 1e9:.2g} s;"
            f" {self.spec.writes.path} goes to its safe value"
        )
        self._report(Event(now, Level.WARNING, self.spec.name, "stale", text))
        terms = NO_TERMS._replace(setpoint=self.setpoint.value, output=self._safe_value)
        self._cycles.add(now, 0, age, -1, -1, ACTED_SAFE, terms)
        self._safe_command = self._drive_safe(self._stale_requester)

    def _insist(self) -> None:
        """Command the safe value again if the device has not taken it: it may have been away or deaf."""
        command = self._safe_command
        if self.held or command is None or command.pending or command.outcome is Outcome.ACKNOWLEDGED:
            return
        if self._commander.reachable(self.spec.writes):
            self._safe_command = self._drive_safe(self._stale_requester)

    def _resume(self) -> None:
        self._safe = False
        self._restart(self._safe_value)
        text = f"loop {self.spec.name}: {self.spec.reads.path} is fresh again"
        self._report(Event(self._clock.now(), Level.INFO, self.spec.name, "resumed", text))

    def _there(self) -> float:
        """Return where the output is as far as that is known: what a device did meanwhile nobody knows."""
        return math.nan if self.inner is None else self.inner.value

    def _restart(self, output: float) -> None:
        """Begin afresh with the next cycle, from the actuator's `output` (NaN: unknown)."""
        self._last_ns = self._computed_ns = 0
        self.controller.reset(output)
