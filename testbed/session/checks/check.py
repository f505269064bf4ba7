"""What every check is: it takes samples as they arrive, knows when it is decided, says how near it was.

A check is a function of the samples alone: it never looks at a clock, so the same samples give the same
verdict on a real bench, in virtual time, in a replay, and read from a file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from testbed.session.results import ExpectationVerdict, Judgement
from testbed.signals import Command, Event, Quality, Sample, Signal

PASSED = ExpectationVerdict.PASSED
FAILED = ExpectationVerdict.FAILED
BLOCKED = ExpectationVerdict.BLOCKED
UNDECIDED = ExpectationVerdict.UNDECIDED


class Check:
    """Something that must hold from `begin` on.

    A signal has at every moment the value of its newest sample. While that sample is not good, nothing is
    true of the signal: what must be so the whole time is broken, and what must come about has not.

    `due_ns` is when silence decides it (infinite: only the end of the run does); it may move with each
    sample. `margin` is in `unit`, infinite while there is nothing to measure.
    """

    def __init__(self, text: str, *signals: Signal, unit: str | None = None) -> None:
        """`text` says what must hold; of the `signals` that are followed it speaks of the first."""
        self.text = text
        self.signals = signals
        self.unit = (signals[0].unit if signals else "") if unit is None else unit
        self.low, self.high = -math.inf, math.inf
        self.since_ns = self.zero_ns = 0
        self.due_ns: float = math.inf
        self.verdict: ExpectationVerdict | None = None
        self.detail = ""
        self.margin = math.inf
        self.at_ns: int | None = None
        self.broken_by_bad = False
        """Whether it failed because a signal was not good: then its contrary is not true either."""
        self.good_count = 0
        self.last_bad: str | None = None
        """Why the newest sample is not good; None when it is."""

    # What a kind of check supplies --------------------------------------------------------------

    def started(self) -> None:
        """Set what depends on `since_ns`, such as `due_ns`."""

    def good(self, sample: Sample) -> None:
        """Take a good sample."""

    def bad(self, sample: Sample) -> None:
        """Take one that is not good; by default it breaks the check."""
        self.break_by_bad(sample)

    def event(self, event: Event) -> None:
        """Take something that was told."""

    def command(self, command: Command) -> None:
        """Take a command whose outcome is known."""

    def expire(self) -> None:
        """Decide: `due_ns` has passed."""

    def closing(self, end_ns: int) -> tuple[ExpectationVerdict, str]:
        """Return the verdict when the run ends before it is decided; changes nothing."""
        return UNDECIDED, "the run ended before it was judged"

    # What drives it -----------------------------------------------------------------------------

    def begin(
        self, now_ns: int, held: Mapping[int, Sample] | None = None, zero_ns: int | None = None
    ) -> None:
        """Begin to judge at `now_ns`; `held` are the newest samples by their signals, which hold already.

        `zero_ns` is from when people count, by default from now.
        """
        self.since_ns, self.zero_ns = now_ns, now_ns if zero_ns is None else zero_ns
        self.started()
        for sample in (held or {}).values():
            if self.verdict is None:
                self._take(Sample(sample.signal, now_ns, sample.value, sample.quality, sample.reason))

    def take(self, sample: Sample) -> None:
        """Take a sample of one of its signals; on the hot path."""
        if sample.time_ns < self.since_ns:
            return
        if sample.time_ns > self.due_ns and self.verdict is None:
            self.expire()
            if self.verdict is not None:
                return
        self._take(sample)

    def _take(self, sample: Sample) -> None:
        if sample.quality is Quality.GOOD:
            self.good_count += 1
            self.last_bad = None
            self.good(sample)
        else:
            self.last_bad = sample.reason or sample.quality.word
            self.bad(sample)

    def judgement(self, end_ns: int) -> Judgement:
        """Return what it comes to, were the run to end now."""
        if self.verdict is None and end_ns >= self.due_ns:
            self.expire()
        verdict, detail = self.verdict, self.detail
        if verdict is None:
            verdict, detail = self.closing(end_ns)
        return Judgement(
            text=self.text,
            verdict=verdict,
            margin=bound(self.margin),
            unit=self.unit,
            detail=detail,
            signal=self.signals[0].path if self.signals else "",
            low=bound(self.low),
            high=bound(self.high),
            since_ns=self.from_ns(),
            until_ns=self.until_ns(end_ns),
            at_ns=self.decided_ns(verdict, end_ns),
        )

    def from_ns(self) -> int:
        """Return from when on it was judged."""
        return self.since_ns

    def decided_ns(self, verdict: ExpectationVerdict, end_ns: int) -> int | None:
        """Return the moment that decided it."""
        return self.at_ns

    def until_ns(self, end_ns: int) -> int:
        """Return until when it was judged."""
        return round(min(end_ns, self.due_ns))

    # For kinds of checks ------------------------------------------------------------------------

    def pass_(self, time_ns: float, detail: str = "") -> None:
        """Settle that it holds."""
        self._settle(PASSED, time_ns, detail)

    def fail(self, time_ns: float, detail: str) -> None:
        """Settle that it does not hold."""
        self._settle(FAILED, time_ns, detail)

    def break_by_bad(self, sample: Sample) -> None:
        """Fail because the signal is not good."""
        if self.verdict is None:
            self.broken_by_bad = True
            self.margin = math.inf  # how near the values were before does not matter any more
            self.fail(
                sample.time_ns,
                f"{sample.quality.word} {self.when(sample.time_ns)}: {sample.reason}".rstrip(": "),
            )

    def nothing_came(self) -> bool:
        """Settle that there was nothing to judge, if no good sample ever came; returns whether that is so."""
        if self.good_count or self.verdict is not None:
            return False
        self._settle(BLOCKED, self.due_ns, f"no good sample: {self.last_bad or 'none came at all'}")
        return True

    def _settle(self, verdict: ExpectationVerdict, time_ns: float, detail: str) -> None:
        if self.verdict is None:
            self.verdict, self.detail = verdict, detail
            self.at_ns = round(time_ns) if math.isfinite(time_ns) else None

    def quantity(self, value: float) -> str:
        """Return a value with the unit of the check, as people read it."""
        return f"{value:.6g} {self.unit}".rstrip()

    def when(self, time_ns: float) -> str:
        """Return a time as people read it."""
        return f"at {self.seconds(time_ns):.2f} s"

    def seconds(self, time_ns: float) -> float:
        """Return how long after `zero_ns` a time is."""
        return (time_ns - self.zero_ns) / 1e9


def bound(value: float) -> float | None:
    """Return a number, None where there is none."""
    return value if math.isfinite(value) else None
