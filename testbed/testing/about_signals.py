"""What can be expected of a signal: of its value, its movement, and of many of its samples together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from testbed.errors import UsageError
from testbed.session.checks import AgreesWithTwin, Follows, Formula, IsStable, Satisfies

from .about_movement import AboutMovement
from .about_values import AboutValues
from .expecting import Waiting
from .quantities import Quantity, Time, show_time

if TYPE_CHECKING:
    from testbed.signals import Signal

    from .handles import ReadableSignal


class SignalExpecting(AboutValues, AboutMovement):
    """What can be expected of one signal."""

    def to_be_stable(self, *, within: Quantity, over: Time, during: Time) -> Waiting:
        """Expect that its means over stretches of `over` differ by little from neighbour to neighbour.

        Half the mean square of those differences, its root, is the Allan deviation.
        """
        most, over_ns = self._tolerance(within), self._time(over, "over")
        time_ns = self._time(during, "during")
        if time_ns < 2 * over_ns:
            raise UsageError(
                f"{self._signal.path}: during {show_time(time_ns)} there are no two stretches of "
                f"{show_time(over_ns)} to compare",
                f'write during="{10 * over_ns / 1e9:g} s" or more',
            )
        told = f"is stable within {self._difference(most)} over {show_time(over_ns)}"
        text = self._say(f"{told}, for {show_time(time_ns)}")
        return self._wait(IsStable(text, self._signal, most, over_ns, time_ns))

    def to_follow(self, other: ReadableSignal, *, at_least: float = 0.9, during: Time) -> Waiting:
        """Expect that it moves as another does: their correlation is at least `at_least` (-1 to 1)."""
        if not -1 <= at_least <= 1:
            raise UsageError(f"a correlation of {at_least} cannot be", "give one from -1 to 1")
        time_ns = self._time(during, "during")
        text = self._say(f"follows {other.path} by a correlation of {at_least:g} for {show_time(time_ns)}")
        return self._wait(Follows(text, self._signal, other.signal, at_least, time_ns))

    def to_agree_with_twin(
        self, *, sigma: float = 3.0, during: Time, noise: Quantity | None = None
    ) -> Waiting:
        """Expect that it is where its twin predicts it, within `sigma` standard deviations of the noise.

        `noise` is that standard deviation; by default it is estimated from the residuals.
        """
        known = self._scene.bench.twin_sensors
        if self._signal.path not in known:
            others = f"twins predict {', '.join(known)}" if known else "the bench file declares none (twins:)"
            raise UsageError(f"no twin predicts {self._signal.path}", others)
        residual = known[self._signal.path].residual
        if not 0 < sigma < math.inf:
            raise UsageError(f"within {sigma} sigma nothing can be", "write sigma=3")
        spread = None if noise is None else self._tolerance(noise)
        time_ns = self._time(during, "during")
        text = self._say(f"agrees with its twin within {sigma:g} sigma for {show_time(time_ns)}")
        return self._wait(AgreesWithTwin(text, residual, sigma, spread, time_ns))

    def to_satisfy(self, formula: str) -> Waiting:
        """Expect that a formula of signal temporal logic holds: "always[0:10](temperature < 62)".

        Names are signals of this device, or device.signal of any; numbers are in their units, times in s
        unless they say otherwise.
        """
        read = Formula(formula, self._find)
        return self._wait(Satisfies(f"{self._signal.path}: {formula}", read))

    def _find(self, name: str) -> Signal:
        path = name if "." in name else f"{self._signal.device}.{name}"
        known = self._scene.bench.by_path
        if path not in known:
            from testbed.bench import nearest

            raise UsageError(f"there is no signal {name!r}", nearest(path, known))
        return known[path]
