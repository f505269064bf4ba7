"""Follows a device through all that comes from it: sensors at rates of their own, and late ones."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.twin.models import Components

from .followed import Followed, Free
from .kalman import ExtendedKalman, Innovation

GATE = 5.0  # standard deviations beyond which a sample is an outlier: 1 in 2 million by chance
_STRIKES = 3  # outliers in a row after which it is no outlier that comes, but news
_PIECE_NS = 20_000_000  # below this no device feels the difference
_MEMORY_NS = 2_000_000_000  # how late a sample may come
_NS = 1e9


class Happened(NamedTuple):
    """What came, in the order of time: an input that changed, or what a sensor said."""

    time_ns: int
    measured: bool
    which: int
    value: float


class _Heard(NamedTuple):
    """What is thought of a sensor: outliers in a row, whether it is shut out, and its last residual."""

    strikes: int = 0
    out: bool = False
    residual: float = 0.0
    sigma: float = 0.0


class Moment(NamedTuple):
    """Everything that a tracker knows at one time."""

    time_ns: int
    inputs: tuple[float, ...]
    mark_ns: int
    area: tuple[float, ...]
    state: Components
    covariance: NDArray[np.float64]
    heard: tuple[_Heard, ...]


class Tracker:
    """A filter in session time, in ns. Before the first measurement it knows nothing."""

    def __init__(
        self,
        followed: Followed,
        inputs: Sequence[float],
        piece_ns: int = _PIECE_NS,
        kind: type[ExtendedKalman] = ExtendedKalman,
    ) -> None:
        """Begin with what acts on the device now: `inputs`, in the order of the model's.

        Inputs that change again within `piece_ns` act by their mean. `kind` is that of the filter.
        """
        self.piece_ns = max(piece_ns, _PIECE_NS)
        self.followed = followed
        self.kind = kind
        self.filter = kind(followed)
        self.time_ns = 0
        self.inputs: tuple[float, ...] = tuple(inputs)
        self._mark_ns = 0
        self._area = (0.0,) * len(self.inputs)
        self._heard = [_Heard()] * len(followed.sensors)
        self._past: deque[tuple[Happened, Moment]] = deque()

    @property
    def begun(self) -> bool:
        """Whether there is a state."""
        return self.filter.begun

    def take(self, happened: Happened) -> Innovation | None:
        """Take what happened; a late one as if it had come in time.

        Returns what was not predicted of a measurement; None for an input, for the measurement that it begins
        with, and for one that comes too late to be of use.
        """
        if happened.time_ns >= self.time_ns or not self.begun:
            return self._do(happened)
        later: list[tuple[Happened, Moment]] = []
        while self._past and self._past[-1][0].time_ns > happened.time_ns:
            later.append(self._past.pop())
        if not later or later[-1][1].time_ns > happened.time_ns:
            self._past.extend(reversed(later))
            return None
        self.resume(later[-1][1])
        innovation = self._do(happened)
        for known, _ in reversed(later):
            self._do(known)
        return innovation

    def shut_out(self, sensor: int) -> bool:
        """Return whether a sensor says what cannot be, while most others of its output do not."""
        return self._heard[sensor].out

    def at(self, time_ns: int) -> ExtendedKalman:
        """Return a filter of its own that stands at a time, now or later."""
        fork = self.kind(self.followed)
        fork.state, fork.covariance = self.filter.state, self.filter.covariance
        if time_ns > self.time_ns:
            fork.predict((time_ns - self.time_ns) / _NS, self._mean(time_ns))
        return fork

    def free(self, name: str) -> tuple[float, float]:
        """Return what something free has come to, in the model's unit, and the standard deviation of that."""
        at = self.followed.place(name)
        return float(self.filter.state[at]), math.sqrt(float(self.filter.covariance[at, at]))

    def watched_by(self, kind: type[ExtendedKalman], free: Sequence[Free]) -> Tracker:
        """Return a copy with another kind of filter, with states for what might be free but is not."""
        followed = self.followed
        for each in free:
            followed = followed.with_free(replace(each, wander=0.0))
        copy, moment = Tracker(followed, self.inputs, self.piece_ns, kind), self.moment()
        covariance = np.zeros((followed.count, followed.count))
        covariance[: self.followed.count, : self.followed.count] = moment.covariance
        state = (*moment.state, *map(followed.believed, free))
        copy.resume(moment._replace(state=state, covariance=covariance))
        return copy

    def copy(self, moment: Moment) -> Tracker:
        """Return another that stands where this one stood at a moment."""
        copy = Tracker(self.followed, moment.inputs, self.piece_ns, self.kind)
        copy.resume(moment)
        return copy

    def freed(self, free: Free) -> Tracker:
        """Return a copy that thinks it possible that something has just changed."""
        known = {each.name for each in self.followed.free}
        followed = self.followed if free.name in known else self.followed.with_free(free)
        copy, moment = Tracker(followed, self.inputs, self.piece_ns, self.kind), self.moment()
        if followed is self.followed:
            covariance = moment.covariance.copy()
            covariance[followed.place(free.name), followed.place(free.name)] += free.spread**2
            copy.resume(moment._replace(covariance=covariance))
            return copy
        count = self.followed.count
        covariance = np.zeros((count + 1, count + 1))
        covariance[:count, :count] = moment.covariance
        covariance[count, count] = free.spread**2
        state = (*moment.state, followed.believed(free))
        copy.resume(moment._replace(state=state, covariance=covariance))
        return copy

    # One after the other ------------------------------------------------------------------------

    def _do(self, happened: Happened) -> Innovation | None:
        if self.begun:
            self._past.append((happened, self.moment()))
            while self._past[0][0].time_ns < happened.time_ns - _MEMORY_NS:
                self._past.popleft()
        if happened.measured:
            return self._measure(happened)
        self._set(happened)
        return None

    def _set(self, happened: Happened) -> None:
        if happened.time_ns - self.time_ns >= self.piece_ns:
            self._advance(happened.time_ns)
        lasted = max(0, happened.time_ns - self._mark_ns)
        self._area = tuple(area + value * lasted for area, value in zip(self._area, self.inputs, strict=True))
        self._mark_ns = max(self._mark_ns, happened.time_ns)
        at = happened.which
        self.inputs = (*self.inputs[:at], happened.value, *self.inputs[at + 1 :])

    def _measure(self, happened: Happened) -> Innovation | None:
        if not self.begun:
            said = [math.nan] * len(self.followed.sensors)
            said[happened.which] = happened.value
            self._advance(happened.time_ns)
            self.filter.begin(said, self.inputs)
            return None
        self._advance(happened.time_ns)
        before = self._heard[happened.which]
        news = before.strikes >= _STRIKES and not before.out
        gate = math.inf if news else GATE
        innovation = self.filter.correct(happened.which, happened.value, self.inputs, gate)
        self._heard[happened.which] = self._judged(happened.which, before, innovation)
        return innovation

    def _judged(self, sensor: int, before: _Heard, innovation: Innovation) -> _Heard:
        """Return what is thought of a sensor after a sample of it."""
        _, residual, sigma, _ = innovation
        if abs(residual) <= GATE * sigma:
            return _Heard(0, False, residual, sigma)
        strikes = before.strikes + 1
        out = before.out or (strikes >= _STRIKES and self._contradicted(sensor, residual, sigma))
        return _Heard(strikes, out, residual, sigma)

    def _contradicted(self, sensor: int, residual: float, sigma: float) -> bool:
        """Return whether most others of the same output, and two at least, say something else."""
        output = self.followed.sensors[sensor].output
        others = [
            heard
            for number, (heard, each) in enumerate(zip(self._heard, self.followed.sensors, strict=True))
            if number != sensor and each.output == output and heard.sigma and not heard.out
        ]
        apart = [
            each for each in others if abs(residual - each.residual) > GATE * math.hypot(sigma, each.sigma)
        ]
        return len(apart) >= 2 and 2 * len(apart) > len(others)

    def _advance(self, time_ns: int) -> None:
        if self.begun and time_ns > self.time_ns:
            self.filter.predict((time_ns - self.time_ns) / _NS, self._mean(time_ns))
        self.time_ns = self._mark_ns = max(time_ns, self.time_ns)
        self._area = (0.0,) * len(self.inputs)

    def _mean(self, time_ns: int) -> tuple[float, ...]:
        """Return what the inputs were on average since the time of the state."""
        if self._mark_ns <= self.time_ns:
            return self.inputs
        last, whole = time_ns - self._mark_ns, time_ns - self.time_ns
        return tuple(
            (area + value * last) / whole for area, value in zip(self._area, self.inputs, strict=True)
        )

    # Back in time -------------------------------------------------------------------------------

    def moment(self) -> Moment:
        """Return all that is known now."""
        followed = self.filter
        return Moment(
            self.time_ns, self.inputs, self._mark_ns, self._area, followed.state, followed.covariance,
            tuple(self._heard),
        )  # fmt: skip

    def resume(self, moment: Moment) -> None:
        """Be where one was at a moment."""
        self.time_ns, self.inputs, self._mark_ns, self._area = moment[:4]
        self.filter.state, self.filter.covariance = moment.state, moment.covariance
        self._heard = list(moment.heard)
