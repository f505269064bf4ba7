"""Judges expectations over samples as they arrive, and says how close each came to failing."""

from __future__ import annotations

import math

from testbed.bench import Expectation, ExpectationKind
from testbed.signals import Quality, Sample

from .results import ExpectationVerdict, Judgement

__all__ = ["ExpectationVerdict", "Judge", "Judgement"]


class Judge:
    """Follows one signal for one expectation; only good samples can satisfy it."""

    def __init__(self, expectation: Expectation, start_ns: int) -> None:
        self._e = expectation
        self._start_ns = start_ns
        self._after_ns = start_ns + round(expectation.after * 1e9)
        within = expectation.within
        self._within_ns = math.inf if math.isinf(within) else start_ns + within * 1e9
        self._good = 0
        self._margin = math.inf  # closest to the band's edge, of the samples that count
        self._entered_ns: int | None = None  # when the signal last came into its band
        self._judged_late = False
        self._broken: str | None = None
        self._broken_ns: int | None = None
        self._last_bad: str | None = None

    def observe(self, sample: Sample) -> None:
        """Take one sample of the signal."""
        if sample.quality is not Quality.GOOD:
            self._bad(sample)
            return
        self._last_bad = None
        if sample.time_ns < self._after_ns:
            return
        self._good += 1
        margin = min(self._e.high - sample.value, sample.value - self._e.low)
        if self._e.kind is ExpectationKind.SETTLES:
            self._settling(sample, margin)
        elif self._e.kind is ExpectationKind.REACHES:
            self._reaching(sample, margin)
        elif self._e.kind is ExpectationKind.STAYS:
            self._margin = min(self._margin, margin)
            if margin < 0 and self._broken is None:
                self._break(sample.time_ns, self._value(sample.value))

    def finish(self, end_ns: int) -> Judgement:
        """Return the verdict at the end of the run."""
        verdict, detail = self._verdict(end_ns)
        return Judgement(
            text=self._e.text,
            verdict=verdict,
            margin=_bound(self._margin),
            unit=self._e.unit,
            detail=detail,
            signal=self._e.signal,
            low=_bound(self._e.low),
            high=_bound(self._e.high),
            since_ns=self._since_ns(),
            until_ns=end_ns if self._e.kind is not ExpectationKind.REACHES else self._due_ns(end_ns),
            at_ns=self._decided_ns(verdict, end_ns),
        )

    def _decided_ns(self, verdict: ExpectationVerdict, end_ns: int) -> int | None:
        if self._broken_ns is not None:
            return self._broken_ns
        if verdict is ExpectationVerdict.FAILED:  # bad at the end, or it did not come about in time
            return self._due_ns(end_ns) if self._entered_ns is None else end_ns
        return self._entered_ns

    def _since_ns(self) -> int:
        settles = self._e.kind is ExpectationKind.SETTLES and math.isfinite(self._within_ns)
        return round(self._within_ns) if settles else self._after_ns

    def _due_ns(self, end_ns: int) -> int:
        return round(min(end_ns, self._within_ns))

    def _break(self, time_ns: int, what: str) -> None:
        self._broken, self._broken_ns = f"{what} {self._at(time_ns)}", time_ns

    def _bad(self, sample: Sample) -> None:
        self._last_bad = sample.reason
        if self._e.kind is ExpectationKind.GOOD and sample.time_ns >= self._after_ns and self._broken is None:
            self._break(sample.time_ns, sample.quality.word)
            self._broken = f"{self._broken}: {sample.reason}"

    def _settling(self, sample: Sample, margin: float) -> None:
        if self._broken is not None:
            return
        if sample.time_ns > self._within_ns and (margin < 0 or self._entered_ns is None):
            self._break(sample.time_ns, self._value(sample.value))
            if margin < 0 or math.isinf(self._margin):
                self._margin = margin
            return
        if margin < 0:
            self._entered_ns = None
            self._margin = margin
            return
        if self._entered_ns is None:
            self._entered_ns = sample.time_ns
            self._margin = margin
        # Failing means to be outside after the time allowed, so that is where closeness counts.
        late = sample.time_ns > self._within_ns and not self._judged_late
        self._margin = margin if late else min(self._margin, margin)
        self._judged_late = self._judged_late or late

    def _reaching(self, sample: Sample, margin: float) -> None:
        if sample.time_ns > self._within_ns and self._entered_ns is None:
            return
        self._margin = margin if math.isinf(self._margin) else max(self._margin, margin)
        if margin >= 0 and self._entered_ns is None:
            self._entered_ns = sample.time_ns

    def _verdict(self, end_ns: int) -> tuple[ExpectationVerdict, str]:
        if self._broken is not None:
            return ExpectationVerdict.FAILED, self._broken
        kind, time_left = self._e.kind, end_ns < max(self._after_ns, _finite(self._within_ns))
        if not self._good:
            if time_left and self._last_bad is None:
                return ExpectationVerdict.UNDECIDED, "the run ended before it was judged"
            return ExpectationVerdict.BLOCKED, f"no good sample: {self._last_bad or 'none came at all'}"
        if kind in (ExpectationKind.STAYS, ExpectationKind.GOOD):
            return ExpectationVerdict.PASSED, ""
        if self._entered_ns is None:
            if time_left:
                return ExpectationVerdict.UNDECIDED, f"the run ended before its {self._e.within:g} s"
            return ExpectationVerdict.FAILED, f"not within {self._e.within:g} s"
        if kind is ExpectationKind.SETTLES and self._last_bad is not None:
            return ExpectationVerdict.FAILED, f"bad at the end: {self._last_bad}"
        return ExpectationVerdict.PASSED, f"since {self._seconds(self._entered_ns):.1f} s"

    def _value(self, value: float) -> str:
        return f"{value:.6g} {self._e.unit}".rstrip()

    def _at(self, time_ns: int) -> str:
        return f"at {self._seconds(time_ns):.2f} s"

    def _seconds(self, time_ns: int) -> float:
        return (time_ns - self._start_ns) / 1e9


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _bound(value: float) -> float | None:
    return value if math.isfinite(value) else None
