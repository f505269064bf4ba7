"""What can be expected of how a signal moves: settling, overshoot, rise time, rate, change."""

from __future__ import annotations

from testbed.bench.units import difference_unit
from testbed.errors import UsageError
from testbed.session.checks import Changes, ChangesSlowly, Overshoots, Rises, Settles

from .about_values import AboutSignal
from .expecting import Waiting
from .quantities import Quantity, Time, rate_of, show, show_time

_HOLD = 0.1  # of the time allowed, for which what settles must stay settled unless something else is said


class AboutMovement(AboutSignal):
    """Settling, overshoot, rise time, rate, change."""

    def to_settle(
        self, value: Quantity, *, within: Time, tolerance: Quantity, for_: Time | None = None
    ) -> Waiting:
        """Expect that it comes to `value`, +/- `tolerance`, within a time, and stays there.

        `for_` is how long it must stay: by default a tenth of that time.
        """
        low, high, told = self._around(value, tolerance)
        within_ns = self._time(within, "within")
        hold_ns = round(within_ns * _HOLD) if for_ is None else self._time(for_, "for_")
        text = self._say(f"settles at {told} within {show_time(within_ns)} for {show_time(hold_ns)}")
        return self._wait(Settles(text, self._signal, low, high, within_ns, hold_ns))

    def to_overshoot(self, target: Quantity, *, at_most: Quantity, during: Time) -> Waiting:
        """Expect that it goes past `target`, on the side away from where it began, by at most `at_most`."""
        goal, most = self._value(target), self._tolerance(at_most)
        time_ns = self._time(during, "during")
        told = f"overshoots {self._show(goal)} by at most {self._difference(most)} for {show_time(time_ns)}"
        return self._wait(Overshoots(self._say(told), self._signal, goal, most, time_ns))

    def to_rise(self, from_: Quantity, to: Quantity, *, in_: Time, within: Time) -> Waiting:
        """Expect that it goes from `from_` to `to`, up or down, in at most `in_`, within a time."""
        start, end = self._value(from_), self._value(to)
        if start == end:
            raise UsageError(f"{self._signal.path}: from {start:g} to {end:g} there is no way to go")
        most_ns, within_ns = self._time(in_, "in_"), self._time(within, "within")
        word = "rises" if end > start else "falls"
        told = f"{word} from {self._show(start)} to {self._show(end)} in at most {show_time(most_ns)}"
        text = self._say(f"{told}, within {show_time(within_ns)}")
        return self._wait(Rises(text, self._signal, start, end, most_ns, within_ns))

    def to_change_slowly(self, at_most: Quantity, *, during: Time, over: Time | None = None) -> Waiting:
        """Expect that it changes by at most so much a second, such as "0.5 K/s".

        From sample to sample, or averaged `over` a time.
        """
        rate, unit = rate_of(at_most, self._signal), f"{difference_unit(self._signal.unit) or '1'}/s"
        over_ns = 0 if over is None else self._time(over, "over")
        time_ns = self._time(during, "during")
        averaged = f" over {show_time(over_ns)}" if over_ns else ""
        text = self._say(f"changes by at most {show(rate, unit)}{averaged} for {show_time(time_ns)}")
        return self._wait(ChangesSlowly(text, self._signal, rate, over_ns, time_ns, unit))

    def to_change(self, *, by: Quantity, within: Time) -> Waiting:
        """Expect that within a time it differs by at least `by` from what it was at the beginning."""
        change, time_ns = self._tolerance(by), self._time(within, "within")
        text = self._say(f"changes by {self._difference(change)} within {show_time(time_ns)}")
        return self._wait(Changes(text, self._signal, change, time_ns))
