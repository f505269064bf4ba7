"""Checks of a value and a band around it: it stays inside, it reaches it, it settles in it."""

from __future__ import annotations

import math

from testbed.session.results import ExpectationVerdict
from testbed.signals import Sample, Signal

from .check import BLOCKED, FAILED, PASSED, UNDECIDED, Check


class _Banded(Check):
    """One that has a band from `low` to `high`, both inside it."""

    def __init__(self, text: str, signal: Signal, low: float, high: float) -> None:
        super().__init__(text, signal)
        self.low, self.high = low, high

    def inside_by(self, value: float) -> float:
        """Return how far inside the band a value is; negative outside."""
        return min(self.high - value, value - self.low)


class Stays(_Banded):
    """Every moment until `during_ns` later (None: the end of the run) the signal is in its band.

    A `lenient` one passes over samples that are not good, and says at the end whether a good one came.
    """

    def __init__(
        self,
        text: str,
        signal: Signal,
        low: float,
        high: float,
        during_ns: int | None,
        *,
        lenient: bool = False,
    ) -> None:
        super().__init__(text, signal, low, high)
        self._during_ns = math.inf if during_ns is None else during_ns
        self._lenient = lenient

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._during_ns

    def good(self, sample: Sample) -> None:
        """Take a good sample; what comes after the first outside still tells how far it went."""
        margin = self.inside_by(sample.value)
        if margin < self.margin and not self.broken_by_bad:
            self.margin = margin
            if margin < 0:
                self.fail(sample.time_ns, f"{self.quantity(sample.value)} {self.when(sample.time_ns)}")

    def bad(self, sample: Sample) -> None:
        """Break it, unless it is lenient."""
        if not self._lenient:
            self.break_by_bad(sample)

    def expire(self) -> None:
        """Settle that it has held."""
        if not self.nothing_came():
            self.pass_(math.inf)  # no moment decided it

    def closing(self, end_ns: int) -> tuple[ExpectationVerdict, str]:
        """Say that it has held, if it was to be judged to the end of the run."""
        if not self.good_count:
            return unseen(self, end_ns, self.since_ns)
        if math.isfinite(self.due_ns):
            return UNDECIDED, "the run ended before its time was over"
        return PASSED, ""


class Reaches(_Banded):
    """At some moment within `within_ns` (0: now) the signal is good and in its band."""

    def __init__(self, text: str, signal: Signal, low: float, high: float, within_ns: float) -> None:
        super().__init__(text, signal, low, high)
        self._within_ns = within_ns
        self._nearest = math.nan
        self.margin = -math.inf

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._within_ns

    def good(self, sample: Sample) -> None:
        """Take a good sample."""
        if sample.time_ns > self.due_ns:
            return
        margin = self.inside_by(sample.value)
        if margin > self.margin:
            self.margin, self._nearest = margin, sample.value
        if margin >= 0 and self.verdict is None:
            came = f"{self.quantity(sample.value)} after {self.seconds(sample.time_ns):.3g} s"
            self.pass_(sample.time_ns, came)

    def bad(self, sample: Sample) -> None:
        """Wait on."""

    def expire(self) -> None:
        """Settle that it has not come about."""
        if not self.nothing_came():
            nearest = self.quantity(self._nearest)
            late = f"not within {self._within_ns / 1e9:g} s; {nearest} at the nearest"
            self.fail(self.due_ns, late if self._within_ns else nearest)

    def closing(self, end_ns: int) -> tuple[ExpectationVerdict, str]:
        """Its time was not over."""
        if not self.good_count:
            return unseen(self, end_ns, self.due_ns)
        if math.isfinite(self.due_ns):
            return UNDECIDED, f"the run ended before its {self._within_ns / 1e9:g} s"
        return FAILED, "not to the end of the run"


class Settles(_Banded):
    """Within `within_ns` the signal comes into its band, to stay for `hold_ns` (None: to the end of the run).

    A `lenient` one passes over samples that are not good, but must end with a good one.
    """

    def __init__(
        self,
        text: str,
        signal: Signal,
        low: float,
        high: float,
        within_ns: float,
        hold_ns: int | None,
        *,
        lenient: bool = False,
    ) -> None:
        super().__init__(text, signal, low, high)
        self._within_ns = within_ns
        self._hold_ns = math.inf if hold_ns is None else hold_ns
        self._lenient = lenient
        self._latest_ns: float = math.inf  # when it must have come in
        self._entered_ns: int | None = None
        self._judged_late = False

    def started(self) -> None:
        """Be decided when it can no longer come in."""
        self.due_ns = self._latest_ns = self.since_ns + self._within_ns

    def good(self, sample: Sample) -> None:
        """Take a good sample."""
        margin = self.inside_by(sample.value)
        if self.verdict is not None:
            return
        late = sample.time_ns > self._latest_ns
        if late and (margin < 0 or self._entered_ns is None):
            self.margin = margin if margin < 0 or math.isinf(self.margin) else self.margin
            self.fail(sample.time_ns, f"{self.quantity(sample.value)} {self.when(sample.time_ns)}")
        elif margin < 0:
            self._leave(margin)
        else:
            self._stay(sample, margin, late=late)

    def _stay(self, sample: Sample, margin: float, *, late: bool) -> None:
        if self._entered_ns is None:
            self._entered_ns = sample.time_ns
            self.due_ns = sample.time_ns + self._hold_ns
            self.margin = margin
        # Held to the end, it fails by being outside after the time allowed: closeness counts there.
        anew = late and not self._judged_late and math.isinf(self._hold_ns)
        self.margin = margin if anew else min(self.margin, margin)
        self._judged_late = self._judged_late or late

    def _leave(self, margin: float) -> None:
        self._entered_ns, self.due_ns, self.margin = None, self._latest_ns, margin

    def bad(self, sample: Sample) -> None:
        """Come in anew afterwards, unless it is lenient."""
        if self._lenient:
            return
        if sample.time_ns > self._latest_ns:
            self.break_by_bad(sample)
        else:
            self._leave(-math.inf)

    def expire(self) -> None:
        """Settle that it has held for as long as it had to, or not come in in time."""
        if self._entered_ns is not None:
            self.pass_(self._entered_ns, f"since {self.seconds(self._entered_ns):.1f} s")
        elif not self._lenient or self.good_count:
            if not self.nothing_came():
                self.fail(self._latest_ns, f"not within {self._within_ns / 1e9:g} s")
        else:
            self.due_ns = math.inf  # what comes late is still judged

    def closing(self, end_ns: int) -> tuple[ExpectationVerdict, str]:
        """Say that it has held, if it was to be judged to the end of the run."""
        if not self.good_count:
            return unseen(self, end_ns, self._latest_ns)
        if math.isfinite(self._hold_ns) or self._entered_ns is None:
            return UNDECIDED, f"the run ended before its {self._within_ns / 1e9:g} s"
        if self.last_bad is not None:
            return FAILED, f"bad at the end: {self.last_bad}"
        return PASSED, f"since {self.seconds(self._entered_ns):.1f} s"

    def from_ns(self) -> int:
        """Return from when on it is inside, or had to be."""
        if self._entered_ns is not None and math.isfinite(self._hold_ns):
            return self._entered_ns
        held_to_the_end = math.isinf(self._hold_ns) and math.isfinite(self._latest_ns)
        return round(self._latest_ns) if held_to_the_end else self.since_ns

    def decided_ns(self, verdict: ExpectationVerdict, end_ns: int) -> int | None:
        """Return when it came in, or failed."""
        if self.verdict is not None:
            return self.at_ns
        return end_ns if verdict is FAILED else self._entered_ns

    def until_ns(self, end_ns: int) -> int:
        """Return until when it was judged: held for a while, or to the end."""
        return end_ns if math.isinf(self._hold_ns) else super().until_ns(end_ns)


def unseen(check: Check, end_ns: int, until_ns: float) -> tuple[ExpectationVerdict, str]:
    """Return the verdict on a signal that was never good, though it was to be judged until `until_ns`."""
    if end_ns < (until_ns if math.isfinite(until_ns) else check.since_ns) and check.last_bad is None:
        return UNDECIDED, "the run ended before it was judged"
    return BLOCKED, f"no good sample: {check.last_bad or 'none came at all'}"
