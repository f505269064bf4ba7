"""How sure repeated runs make: intervals of rates and means, and when it is known well enough to stop.

Sources: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404 (exact interval of a proportion);
H. Robbins, Ann. Math. Statist. 41 (1970) 1397 (mixture tests that may be looked at after every run);
Y. S. Chow, H. Robbins, Ann. Math. Statist. 36 (1965) 457 (a mean to a fixed width).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from testbed.errors import UsageError


def pass_interval(passed: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a pass probability after `passed` of `runs` (Clopper and Pearson)."""
    from scipy.stats import beta

    error = (1 - confidence) / 2
    low = float(beta.ppf(error, passed, runs - passed + 1)) if passed else 0.0
    high = float(beta.isf(error, passed + 1, runs - passed)) if passed < runs else 1.0
    return low, high


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of the mean of values that scatter normally (Student); infinite below two."""
    from scipy.stats import t

    if len(values) < 2:
        return -math.inf, math.inf
    mean, error = statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))
    half = float(t.isf((1 - confidence) / 2, len(values) - 1)) * error
    return mean - half, mean + half


class Decision(StrEnum):
    """What the runs so far allow to say."""

    OPEN = "open"
    """Not sure enough yet: run again."""
    REACHED = "reached"
    MISSED = "missed"
    UNDECIDED = "undecided"
    """As many runs as were allowed have not made it sure."""


@dataclass(frozen=True)
class PassGoal:
    """Repeat until it is known whether a test passes with at least a probability.

    REACHED or MISSED is wrong with a probability of at most 1 - `confidence` each, though it is looked at
    after every run: after any number of runs, the evidence against a probability p is how much likelier
    the runs are under a mixture of all probabilities beyond p than under p, and by Ville's inequality that
    exceeds 1/a for the true p, ever, with a probability of at most a.
    """

    at_least: float
    confidence: float = 0.95
    most: int = 1000

    def __post_init__(self) -> None:
        _check_share("pass probability", self.at_least)
        _check_goal(self.confidence, self.most)

    def decide(self, passed: int, runs: int) -> Decision:
        """Return what `passed` of `runs` allow to say."""
        threshold = -math.log(1 - self.confidence)
        if runs and _evidence_above(self.at_least, passed, runs) >= threshold:
            return Decision.REACHED
        if runs and _evidence_above(1 - self.at_least, runs - passed, runs) >= threshold:
            return Decision.MISSED
        return Decision.OPEN if runs < self.most else Decision.UNDECIDED


@dataclass(frozen=True)
class MeanGoal:
    """Repeat until the mean of a measurement is known to `width`, from end to end of its interval.

    The confidence holds in the limit of a small width; `least` keeps a lucky pair of first runs from
    ending it.
    """

    width: float
    confidence: float = 0.95
    least: int = 10
    most: int = 1000

    def __post_init__(self) -> None:
        if not 0 < self.width < math.inf:
            raise UsageError(f"a mean cannot be known to a width of {self.width:g}", "give a positive one")
        _check_goal(self.confidence, self.most)

    def decide(self, values: Sequence[float]) -> Decision:
        """Return whether the values so far are enough."""
        low, high = mean_interval(values, self.confidence)
        if len(values) >= self.least and high - low <= self.width:
            return Decision.REACHED
        return Decision.OPEN if len(values) < self.most else Decision.UNDECIDED


def _evidence_above(p: float, passed: int, runs: int) -> float:
    """Return the log of how much likelier the runs are beyond `p` (all of it alike) than at `p`."""
    from scipy.special import betaln
    from scipy.stats import beta

    failed = runs - passed
    mixture = betaln(passed + 1, failed + 1) + beta.logsf(p, passed + 1, failed + 1) - math.log1p(-p)
    return float(mixture - passed * math.log(p) - failed * math.log1p(-p))


def _check_share(what: str, share: float) -> None:
    if not 0 < share < 1:
        raise UsageError(
            f"a {what} of {share:g} can never be shown", "give one between 0 and 1, such as 0.95"
        )


def _check_goal(confidence: float, most: int) -> None:
    _check_share("confidence", confidence)
    if most < 1:
        raise UsageError(f"{most} runs are none", "allow at least one")
