"""What can be expected of a signal's value and quality; units are resolved here, once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from testbed.bench.units import difference_unit
from testbed.errors import UsageError
from testbed.session.checks import Becomes, Reaches, Stays, StaysGood

from .expecting import Expecting, Waiting
from .quantities import (
    Quantity,
    Time,
    show,
    show_span,
    show_time,
    time_of,
    tolerance_of,
    value_of,
)

if TYPE_CHECKING:
    from testbed.signals import Signal


class AboutSignal(Expecting):
    """What the families below say of one signal."""

    @property
    def _signal(self) -> Signal:
        signal: Signal = self._subject.signal
        return signal

    def _value(self, value: Quantity) -> float:
        return value_of(value, self._signal)

    def _tolerance(self, value: Quantity) -> float:
        return tolerance_of(value, self._signal)

    def _time(self, time: Time, what: str) -> int:
        return time_of(time, what, self._scene, self._signal)

    def _span(self, during: Time | None) -> int | None:
        return None if during is None else self._time(during, "during")

    def _show(self, value: float) -> str:
        return show(value, self._signal.unit)

    def _difference(self, value: float) -> str:
        return show(value, difference_unit(self._signal.unit))

    def _say(self, told: str) -> str:
        return f"{self._signal.path} {told}"

    def _around(self, value: Quantity, half: Quantity) -> tuple[float, float, str]:
        middle, width = self._value(value), self._tolerance(half)
        told = self._show(middle) + (f" +/- {self._difference(width)}" if width else "")
        return middle - width, middle + width, told


class AboutValues(AboutSignal):
    """Value, range, quality."""

    def to_be(self, value: Quantity, *, tolerance: Quantity = 0.0, within: Time | None = None) -> Waiting:
        """Expect that it is `value`, +/- `tolerance`: now, or at some moment within a time."""
        low, high, told = self._around(value, tolerance)
        time_ns = 0 if within is None else self._time(within, "within")
        when = "now" if within is None else f"within {show_time(time_ns)}"
        return self._wait(Reaches(self._say(f"is {told} {when}"), self._signal, low, high, time_ns))

    def to_reach(
        self,
        value: Quantity | None = None,
        *,
        within: Time,
        at_least: Quantity | None = None,
        at_most: Quantity | None = None,
        tolerance: Quantity = 0.0,
    ) -> Waiting:
        """Expect that it comes to `value` (+/- `tolerance`), `at_least` or `at_most`, within a time."""
        if sum(each is not None for each in (value, at_least, at_most)) != 1:
            raise UsageError(
                f"{self._signal.path}: to_reach takes one of a value, at_least and at_most",
                'write for example to_reach(at_least=1200, within="5 s")',
            )
        low, high, told = -math.inf, math.inf, ""
        if value is not None:
            low, high, told = self._around(value, tolerance)
        elif at_least is not None:
            low = self._value(at_least)
            told = f"at least {self._show(low)}"
        elif at_most is not None:
            high = self._value(at_most)
            told = f"at most {self._show(high)}"
        time_ns = self._time(within, "within")
        text = self._say(f"reaches {told} within {show_time(time_ns)}")
        return self._wait(Reaches(text, self._signal, low, high, time_ns))

    def to_stay_below(self, high: Quantity, *, during: Time | None = None) -> Waiting:
        """Expect that it is at most `high` all the time."""
        return self._stay(-math.inf, self._value(high), during, "below {high}")

    def to_stay_above(self, low: Quantity, *, during: Time | None = None) -> Waiting:
        """Expect that it is at least `low` all the time."""
        return self._stay(self._value(low), math.inf, during, "above {low}")

    def to_stay_between(self, low: Quantity, high: Quantity, *, during: Time | None = None) -> Waiting:
        """Expect that it is from `low` to `high` all the time."""
        return self._stay(self._value(low), self._value(high), during, "between {low} and {high}")

    def to_stay_at(self, value: Quantity, *, tolerance: Quantity, during: Time | None = None) -> Waiting:
        """Expect that it is `value`, +/- `tolerance`, all the time."""
        low, high, told = self._around(value, tolerance)
        return self._stay(low, high, during, f"at {told}")

    def to_stay_good(self, *, during: Time | None = None) -> Waiting:
        """Expect that every sample is good."""
        time_ns = self._span(during)
        return self._wait(StaysGood(self._say(f"stays good {show_span(time_ns)}"), self._signal, time_ns))

    def to_become_good(self, *, within: Time) -> Waiting:
        """Expect a good sample within a time; the one that is there counts."""
        return self._become("good", within)

    def to_become_bad(self, *, within: Time) -> Waiting:
        """Expect a sample that is not good within a time; the one that is there counts."""
        return self._become("bad", within)

    def _become(self, word: str, within: Time) -> Waiting:
        time_ns = self._time(within, "within")
        text = self._say(f"becomes {word} within {show_time(time_ns)}")
        return self._wait(Becomes(text, self._signal, time_ns, bad=word == "bad"))

    def _stay(self, low: float, high: float, during: Time | None, told: str) -> Waiting:
        if low > high:
            raise UsageError(f"{self._signal.path}: the band from {low:g} to {high:g} is empty")
        time_ns = self._span(during)
        band = told.format(low=self._show(low), high=self._show(high))
        text = self._say(f"stays {band} {show_span(time_ns)}")
        return self._wait(Stays(text, self._signal, low, high, time_ns))
