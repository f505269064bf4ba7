"""Which of two versions of a model foretells the same new data better."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from testbed.twin.estimate import Free, Happened, Innovation, Tracker

_MOST_NIS = 30.0  # of one sample: an outlier says nothing about who is right


def likelihood(innovation: Innovation) -> float:
    """Return the logarithm of how likely a measurement was, in nats, but for a constant."""
    return -math.log(innovation.sigma) - min(innovation.nis, _MOST_NIS) / 2


class Match:
    """A challenger beside the version that is in use, for `lasts_ns` once it has come as far as that."""

    def __init__(
        self,
        challenger: Tracker,
        lasts_ns: int,
        behind: Iterable[Happened] = (),
        frees: tuple[int, Free] | None = None,
    ) -> None:
        """`behind` is what the challenger has yet to take; at the time of `frees` something becomes free."""
        self.challenger = challenger
        self._lasts_ns = lasts_ns
        self._behind = deque(behind)
        self._frees = frees
        self.ends_ns: int | None = None
        """When it is over; None while the challenger is behind."""
        self.gain = 0.0
        """By how much the challenger foretold better so far, nats."""
        self._waiting: list[tuple[Happened, Innovation | None]] = []

    def restart(self, ends_ns: int) -> None:
        """Begin the comparison anew, until another time; the challenger goes on."""
        self.gain = 0.0
        if self.ends_ns is not None:
            self.ends_ns = ends_ns

    def add(self, happened: Happened, innovation: Innovation | None) -> None:
        """Add what happened, and what of it the version in use had not foretold; `work` takes it."""
        if self.ends_ns is None:
            self._behind.append(happened)
        else:
            self._waiting.append((happened, innovation))

    def work(self, now_ns: int, steps: int) -> bool:
        """Take what was added, of what is behind up to `steps`; return whether the match is over."""
        while self._behind and steps:
            self._catch_up(self._behind.popleft())
            steps -= 1
        if self.ends_ns is None and not self._behind:
            self.ends_ns = now_ns + self._lasts_ns
        for happened, in_use in self._waiting:
            innovation = self.challenger.take(happened)
            if innovation is not None and in_use is not None:
                self.gain += likelihood(innovation) - likelihood(in_use)
        self._waiting.clear()
        return self.ends_ns is not None and now_ns >= self.ends_ns

    def _catch_up(self, happened: Happened) -> None:
        if self._frees is not None and happened.time_ns >= self._frees[0]:
            self.challenger = self.challenger.freed(self._frees[1])
            self._frees = None
        self.challenger.take(happened)
