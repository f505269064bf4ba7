"""What each change would leave behind in the residuals of a model that knows nothing of it.

The generalised likelihood ratio of Willsky and Jones (IEEE Transactions on Automatic Control 21, 1976): a
filter that believes that nothing has changed goes on. Beside it, for each change and each time at which it
may have been, goes how far a change of one unit would by now have drawn device and filter apart. That is
linear, so all of them are the columns of one matrix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from testbed.twin.estimate import ExtendedKalman, Followed, Innovation

_RECENT = 50  # samples

Floats = NDArray[np.float64]


class SignatureFilter(ExtendedKalman):
    """The filter, and what it leaves unexplained of each change: arrays with one element a column."""

    def __init__(self, followed: Followed) -> None:
        super().__init__(followed)
        self.watch(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))

    def watch(self, place: NDArray[np.int64], ramp: Floats, spread: Floats) -> None:
        """Set what the columns are: the state that each changes, by a step (0) or a ramp (1), and how far.

        `spread` is a standard deviation, in the state's unit, of a ramp per second.
        """
        columns = len(place)
        self._place, self._ramp, self._doubt = place, ramp, 1 / np.square(spread)
        self._begun = np.zeros(columns)
        self._apart = np.zeros((self.followed.count, columns))
        self._information, self._evidence = np.zeros(columns), np.zeros(columns)
        self.left = np.ones(columns)
        """Mean square of what each change leaves unforetold of late, in units of what is expected."""

    def begin_columns(self, columns: NDArray[np.int64]) -> None:
        """Let changes begin now."""
        self._begun[columns] = 1.0
        self._apart[self._place[columns], columns] = 1.0 - self._ramp[columns]

    def size(self) -> tuple[Floats, Floats]:
        """Return how large each change must have been, and the standard deviation of that."""
        certainty = self._information + self._doubt
        return self._evidence / certainty, 1 / np.sqrt(certainty)

    def score(self) -> Floats:
        """Return by how much each change is likelier than none, in nats, whatever its size."""
        certainty = self._information + self._doubt
        better: Floats = (self._evidence**2 / certainty - np.log(certainty / self._doubt)) / 2
        return better

    def _predicted(self, slope: Floats, seconds: float) -> None:
        self._apart = slope @ self._apart
        self._apart[self._place, np.arange(len(self._place))] += seconds * self._ramp * self._begun

    def _corrected(self, row: Floats, gain: Floats, innovation: Innovation) -> None:
        seen = row @ self._apart
        self._apart = self._apart - np.outer(gain, seen)
        if not innovation.taken:
            return
        variance = innovation.sigma**2
        self._information += seen**2 / variance
        self._evidence += seen * innovation.residual / variance
        unexplained = (innovation.residual - seen * self.size()[0]) ** 2 / variance
        self.left += (unexplained - self.left) / _RECENT
