"""Which change explains best what a model no longer foretells, and when it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from testbed.twin.estimate import Free, Happened, Tracker

from .signatures import SignatureFilter

_NS = 1e9
_FITS = 2.5  # times what is expected of the mean square of what is left unforetold
_CHANGED = 4.0  # standard deviations that a change must be away from none
_SURE = 0.5  # share of what was thought possible: a size that is less sure was not seen in the data
_RAMP = 1 / 200  # of a sensor's spread, per second


@dataclass(frozen=True)
class Suspect:
    """One explanation: `free` made a step, or set out on a ramp, at `begin_ns`."""

    free: Free
    ramp: bool
    begin_ns: int

    @property
    def spread(self) -> float:
        """Return how large it may be, as a standard deviation; of a ramp per second."""
        return self.free.spread * (_RAMP if self.ramp else 1.0)


@dataclass(frozen=True)
class Finding:
    """The likeliest change: by how many nats it beats none, and any other cause."""

    suspect: Suspect
    change: float
    """By how much it is another by now, in the model's unit."""
    sigma: float
    over_nothing: float
    over_next: float
    next_name: str
    left: float
    """Mean square of what it leaves unforetold, in units of what is expected."""
    certainty: float
    """Standard deviation of its size, as a share of what was thought possible."""

    @property
    def fits(self) -> bool:
        """Return whether what it leaves unforetold is no more than one expects."""
        return self.left < _FITS

    @property
    def seen(self) -> bool:
        """Return whether the data say something about it: what is never excited cannot be learned."""
        return self.certainty < _SURE

    @property
    def changed(self) -> bool:
        """Return whether it is another than was believed, and did not just stray."""
        return abs(self.change) > _CHANGED * self.sigma


class Inquiry:
    """Looks at the same data with the eyes of all suspects."""

    def __init__(self, believed: Tracker, frees: Sequence[Free], begins_ns: Sequence[int]) -> None:
        """Begin where `believed` stands; changes may have been at any of `begins_ns`, none before that."""
        self.start = believed.moment()
        self._suspects = [
            Suspect(free, ramp, begin)
            for free in frees
            for ramp in ((False, True) if free.of_sensor else (False,))
            for begin in begins_ns
        ]
        known = {each.name for each in believed.followed.free}
        watched = believed.watched_by(SignatureFilter, [free for free in frees if free.name not in known])
        assert isinstance(watched.filter, SignatureFilter)  # noqa: S101  (that is what it was given)
        self._tracker, self._filter = watched, watched.filter
        self._begins = np.array([each.begin_ns for each in self._suspects])
        self._to_begin = sorted(set(begins_ns), reverse=True)
        self._filter.watch(
            np.array([watched.followed.place(each.free.name) for each in self._suspects]),
            np.array([float(each.ramp) for each in self._suspects]),
            np.array([each.spread for each in self._suspects]),
        )
        self.happened: list[Happened] = []
        """All that was added."""
        self._at = 0

    def add(self, happened: Happened) -> None:
        """Add something that happened; `work` takes it."""
        self.happened.append(happened)

    def work(self, steps: int) -> None:
        """Take up to `steps` of what was added."""
        for happened in self.happened[self._at : self._at + steps]:
            while self._to_begin and self._to_begin[-1] <= happened.time_ns:
                (columns,) = np.nonzero(self._begins == self._to_begin.pop())
                self._filter.begin_columns(columns)
            self._tracker.take(happened)
            self._at += 1

    def finding(self) -> Finding | None:
        """Return what has been found out; None while there is work left to do."""
        if self._to_begin or self._at < len(self.happened):
            return None
        scores, (sizes, sigmas) = self._filter.score(), self._filter.size()
        by_cause: dict[str, list[int]] = {}
        for number, each in enumerate(self._suspects):
            by_cause.setdefault(each.free.name, []).append(number)
        likely = sorted(((_mean(scores[all_]), name) for name, all_ in by_cause.items()), reverse=True)
        over_nothing, name = likely[0]
        best = max(by_cause[name], key=lambda number: scores[number])
        suspect = self._suspects[best]
        grown = (self._tracker.time_ns - suspect.begin_ns) / _NS if suspect.ramp else 1.0
        return Finding(
            suspect, sizes[best] * grown, sigmas[best] * grown, over_nothing,
            over_nothing - likely[1][0] if len(likely) > 1 else over_nothing,
            likely[1][1] if len(likely) > 1 else "",
            float(self._filter.left[best]), float(sigmas[best] / suspect.spread),
        )  # fmt: skip


def _mean(scores: np.ndarray) -> float:
    """Return the logarithm of the mean of likelihoods: when it was is not known, so each time counts."""
    most = float(np.max(scores))
    return most + float(np.log(np.mean(np.exp(scores - most))))
