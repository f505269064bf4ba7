"""Would it break a limit? Each command is tried on the twins that it acts on before it goes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from testbed.bench import Cause, Lookahead, Read, signals_of
from testbed.bench.condition import Condition, Within
from testbed.signals import Command, Sample, Signal
from testbed.twin.live import LiveTwin
from testbed.twin.models import ModelFailed
from testbed.twin.predict import foretell

from .check import Finding

_NS = 1_000_000_000
_STEPS = 100
_HALVINGS = 7  # of the way from the safe value to the wanted one, to find the nearest that may pass


@dataclass(frozen=True)
class _Broken:
    """What a course leads to, and when, s from now."""

    text: str
    seconds: float


class Ahead:
    """The wanted value for a moment, then the safe one: nothing of what must never be may come of that.

    So a command may always be taken back in time (a safety filter in the sense of Wabersich and others, IEEE
    Control Systems 43, 2023). A condition on a signal is one on what it measures, whatever its sensor makes
    of that, late or wrong. What is not foretold, and an input that is lost, is taken to stay as it was; while
    a twin has no state, or has never heard of another input, nothing is said. What a model fails at may
    not pass.

    What went out is tried again as samples come, when nothing has followed it for half of that moment: if it
    may not stay, because what came after it was refused or nothing came at all, its actuator is driven to its
    safe value.
    """

    def __init__(
        self,
        plan: Lookahead,
        twins: Iterable[LiveTwin],
        signals: Sequence[Signal],
        read: Read,
        drive_safe: Callable[[Signal, str], object],
    ) -> None:
        self._plan = plan
        self._signals = signals
        self._read = read
        self._drive_safe = drive_safe
        self._standing: dict[int, tuple[float, int]] = {}
        self._watched_ns = 0
        self.followed: set[int] = set()
        """The signals whose samples `watch` takes, by number."""
        self._asked: dict[int, list[tuple[LiveTwin, list[tuple[str, Condition]]]]] = {}
        for twin in twins:
            said = {sensor.signal.id for sensor in twin.spec.sensors}
            about = [
                (text, condition)
                for text, condition in plan.never
                if said & {signal.id for signal in signals_of(condition)}
            ]
            self.followed |= said if about else set()
            for number in twin.wiring.input_of if about else ():
                self._asked.setdefault(number, []).append((twin, about))

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        """Return what a command would lead to."""
        for twin, about in self._asked.get(signal.id, ()):
            if not twin.foretells(twin.wiring.input_of[signal.id]):
                continue
            broken = self._tried(twin, about, signal, command.value)
            if broken is not None:
                return self._finding(twin, about, signal, command.value, broken)
        return None

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        """Keep what went out."""
        if signal.id in self._asked:
            self._standing[signal.id] = command.value, command.cause_ns or now_ns

    def watch(self, sample: Sample) -> None:
        """See whether what went out may stay."""
        if sample.time_ns - self._watched_ns < self._plan.hold * _NS / 2:
            return
        self._watched_ns = sample.time_ns
        for number, (value, since_ns) in list(self._standing.items()):
            signal = self._signals[number]
            if value == signal.safe or sample.time_ns - since_ns < self._plan.hold * _NS / 2:
                continue
            for twin, about in self._asked[number]:
                if not twin.foretells(twin.wiring.input_of[number]):
                    continue
                broken = self._tried(twin, about, signal, value)
                if broken is not None:
                    text = f"at {value:g} {signal.unit}".rstrip()
                    self._drive_safe(
                        signal, f"guard: {text} there would be {broken.text} in {broken.seconds:.2g} s"
                    )
                    break

    def _finding(
        self,
        twin: LiveTwin,
        about: list[tuple[str, Condition]],
        signal: Signal,
        wanted: float,
        broken: _Broken,
    ) -> Finding:
        safe = wanted if signal.safe is None else signal.safe
        unit = f" {signal.unit}".rstrip()
        if self._tried(twin, about, signal, safe) is not None:
            text = f"even at {safe:g}{unit} there would be {broken.text} in {broken.seconds:.2g} s"
            return Finding(Cause.LOOKAHEAD, f"{signal.path}: {text}", safe)
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if self._tried(twin, about, signal, safe + middle * (wanted - safe)) is None:
                low = middle
            else:
                high = middle
        text = f"{signal.path}: {wanted:g}{unit} would lead to {broken.text} in {broken.seconds:.2g} s"
        return Finding(Cause.LOOKAHEAD, text, safe + low * (wanted - safe))

    def _tried(
        self, twin: LiveTwin, about: list[tuple[str, Condition]], signal: Signal, value: float
    ) -> _Broken | None:
        """Return what a value would lead to, None if to nothing that must not be."""
        number, plan = twin.wiring.input_of[signal.id], self._plan
        wanted, safe = list(twin.tracker.inputs), list(twin.tracker.inputs)
        wanted[number] = twin.wiring.input_to_model(number, value)
        if signal.safe is not None:
            safe[number] = twin.wiring.input_to_model(number, signal.safe)
        pieces = [(plan.hold, tuple(wanted)), (plan.horizon - plan.hold, tuple(safe))]
        try:
            course = foretell(twin.tracker.filter, pieces, _STEPS)
        except ModelFailed as error:
            return _Broken(f"what its model cannot tell ({str(error.args[0]).splitlines()[0]})", 0.0)
        spread = plan.sigma * course.sigmas
        most, least = course.values + spread, course.values - spread
        times = [
            (at, text)
            for text, condition in about
            if (at := self._first(twin, condition, (most, least))) is not None
        ]
        if not times:
            return None
        at, text = min(times)
        return _Broken(text, float(course.times[at]))

    def _first(
        self, twin: LiveTwin, condition: Condition, courses: Sequence[NDArray[np.float64]]
    ) -> int | None:
        """Return at which step a condition holds first on any course, (times, sensors); None if never."""
        number = twin.wiring.sensor_of.get(condition.signal.id) if isinstance(condition, Within) else None
        if isinstance(condition, Within) and number is not None:  # the common case, all steps at once
            scale = twin.wiring.scales[number]
            there = [scale.to_signal(course[:, number]) for course in courses]
            held = np.any([(condition.low < each) & (each < condition.high) for each in there], axis=0)
            return int(np.argmax(held)) if held.any() else None
        for at, reaches in enumerate(zip(*(course.tolist() for course in courses), strict=True)):
            if any(condition.holds(self._said(twin, values)) for values in reaches):
                return at
        return None

    def _said(self, twin: LiveTwin, values: Sequence[float]) -> Read:
        """Return what reads signals as they would be if the sensors said these values."""
        foretold = {
            sensor.signal.id: scale.to_signal(value)
            for sensor, scale, value in zip(twin.spec.sensors, twin.wiring.scales, values, strict=True)
        }
        now = self._read
        return lambda signal: foretold[signal.id] if signal.id in foretold else now(signal)
