"""Named measurements with limits, in the session, in JUnit and at the end of pytest's output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from testbed.errors import UsageError

if TYPE_CHECKING:
    from testbed.session.results import Measurement

    from .limits import Bounds, Limits
    from .past import Past
    from .scene import Scene

_PREFIX = "measurement "
_LIMITS = pytest.StashKey["Limits"]()


class Measure:
    """The function `measure` of one test."""

    def __init__(self, scene: Scene, config: pytest.Config) -> None:
        self._scene = scene
        self._limits = limits_of(config)

    def __call__(
        self,
        name: str,
        value: float,
        unit: str = "",
        *,
        between: tuple[float, float] | None = None,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> Measurement:
        """Note a number in `unit` with its limits, which are in that unit too.

        One outside its limits fails the test at its end, so that the others are still taken. What a file
        given with --hil-limits says goes before what is said here. Raises UsageError.
        """
        from testbed.session.results import Measurement

        low, high = _given(name, between, at_least, at_most)
        low, high = self._limits.of(name, unit) or (low, high)
        if any(each.name == name for each in self._scene.measurements):
            raise UsageError(f"{name!r} is measured already in this test", "give it a name of its own")
        try:
            found = Measurement(name, float(value), unit, low, high)
        except (TypeError, ValueError):
            raise UsageError(f"{name}: {value!r} is no number") from None
        self._scene.measurements.append(found)
        return found


def limits_of(config: pytest.Config) -> Limits:
    """Return the limits of --hil-limits, read once."""
    from .limits import Limits, read_limits

    if _LIMITS not in config.stash:
        file: Path | None = config.getoption("--hil-limits")
        config.stash[_LIMITS] = Limits({}) if file is None else read_limits(file)
    return config.stash[_LIMITS]


def properties(measurements: Sequence[Measurement], sessions: Sequence[Path]) -> list[tuple[str, str]]:
    """Return (name, text) of each measurement, with what the `sessions` of the test say of it."""
    from .past import Past

    past = Past(sessions)
    return [(f"{_PREFIX}{each.name}", _told(each, past)) for each in measurements]


def summary(terminalreporter: Any) -> None:
    """Write what was measured, a line each."""
    seen: dict[tuple[str, str], str] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name.startswith(_PREFIX):
                    seen[report.nodeid, name.removeprefix(_PREFIX)] = str(value)
    if seen:
        terminalreporter.section("measurements")
        for (node, name), told in sorted(seen.items()):
            terminalreporter.write_line(f"{node}  {name} = {told}")


def tell(measurement: Measurement) -> str:
    """Return a measurement with its limits and margin."""
    unit = f" {measurement.unit}" if measurement.unit else ""
    told = f"{measurement.value:.6g}{unit}"
    low, high = measurement.low, measurement.high
    if low is not None and high is not None:
        told += f" (between {low:g} and {high:g}{unit})"
    elif low is not None or high is not None:
        told += f" (at least {low:g}{unit})" if low is not None else f" (at most {high:g}{unit})"
    if measurement.margin is not None:
        told += f", margin {measurement.margin:.4g}{unit}"
    return told


def _told(measurement: Measurement, past: Past) -> str:
    history = past.of(measurement)
    return tell(measurement) + (f"; {history}" if history else "")


def _given(
    name: str, between: tuple[float, float] | None, at_least: float | None, at_most: float | None
) -> Bounds:
    if between is not None and (at_least is not None or at_most is not None):
        raise UsageError(f"{name}: its limits are given twice", "write between=, or at_least= and at_most=")
    low, high = between if between is not None else (at_least, at_most)
    for each in (low, high):
        if each is not None and not math.isfinite(each):
            raise UsageError(f"{name}: a limit of {each} is none", "leave it out")
    if low is not None and high is not None and low > high:
        raise UsageError(f"{name}: nothing is between {low:g} and {high:g}", "write the lower one first")
    return low, high
