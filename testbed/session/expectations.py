"""Judges a bench file's expectations over samples as they arrive, to the end of the run."""

from __future__ import annotations

from testbed.bench import Expectation, ExpectationKind
from testbed.signals import Signal

from .checks import Check, Reaches, Settles, Stays, StaysGood
from .results import ExpectationVerdict, Judgement

__all__ = ["ExpectationVerdict", "Judge", "Judgement"]


class Judge:
    """Follows one signal for one expectation; only good samples can satisfy it.

    Except for "stays good", samples that are not good are passed over: a bench file speaks of a whole
    run, in which a device may well be away for a moment.
    """

    def __init__(self, expectation: Expectation, start_ns: int) -> None:
        self._check = _check(expectation)
        self._check.begin(start_ns + round(expectation.after * 1e9), zero_ns=start_ns)
        self.observe = self._check.take
        """Take one sample of the signal."""

    def finish(self, end_ns: int) -> Judgement:
        """Return the verdict, were the run to end now."""
        return self._check.judgement(end_ns)


def _check(of: Expectation) -> Check:
    device, _, name = of.signal.partition(".")
    signal = Signal(0, device, name, of.unit)
    if of.kind is ExpectationKind.GOOD:
        return StaysGood(of.text, signal, None)
    if of.kind is ExpectationKind.STAYS:
        return Stays(of.text, signal, of.low, of.high, None, lenient=True)
    if of.kind is ExpectationKind.REACHES:
        return Reaches(of.text, signal, of.low, of.high, of.within * 1e9)
    return Settles(of.text, signal, of.low, of.high, of.within * 1e9, None, lenient=True)
