"""Numbers with units as tests write them, made plain once, when an expectation is made."""

from __future__ import annotations

import math
import re

from testbed.bench.units import convert, seconds
from testbed.errors import UsageError
from testbed.signals import Signal

from .scene import Scene

Quantity = str | float
"""A number in the signal's unit, or a text with its unit: 60, "333.15 K"."""

Time = str | float
"""A number of seconds, or a text: 2.5, "90 s", "3 samples", "1 uplink"."""

_PERIODS = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(sample|poll|uplink|update|period|cycle)s?\s*$")


def value_of(text: Quantity, signal: Signal, *, difference: bool = False) -> float:
    """Return a value in the signal's unit; with `difference` 1 K is 1 degC. Raises UsageError."""
    try:
        value = convert(float(text) if isinstance(text, bool) else text, signal.unit, difference=difference)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{signal.path}: {error}", f"write for example {_example(signal)}") from None
    if not math.isfinite(value):
        raise UsageError(f"{signal.path}: {text!r} is no value that could be expected")
    return value


def tolerance_of(text: Quantity, signal: Signal) -> float:
    """Return a difference of at least 0 in the signal's unit; raises UsageError."""
    value = value_of(text, signal, difference=True)
    if value < 0:
        raise UsageError(f"{signal.path}: a tolerance of {text} is none", "give one of 0 or more")
    return value


def rate_of(text: Quantity, signal: Signal) -> float:
    """Return a rate of change in the signal's unit a second; raises UsageError."""
    if not isinstance(text, str):
        return tolerance_of(text, signal)
    number, _, unit = text.strip().rpartition("/")
    try:
        return tolerance_of(number, signal) / seconds(f"1 {unit}")
    except ValueError as error:
        raise UsageError(f"{signal.path}: {text!r} is no rate: {error}", 'write "0.5 K/s"') from None


def time_of(text: Time, what: str, scene: Scene, signal: Signal | None = None) -> int:
    """Return a time above 0 in ns; `what` is the argument's name. Raises UsageError.

    "1 uplink" and the like are periods of the signal; of one that promises none (it is written to), of the
    slowest signal of its device.
    """
    match = _PERIODS.match(text) if isinstance(text, str) else None
    if match and signal is not None:
        return round(float(match[1]) * _period_ns(scene, signal, str(text)))
    try:
        value = seconds(text)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{what}={text!r}: {error}", f'write for example {what}="20 s"') from None
    if not 0 < value < math.inf:
        raise UsageError(f"{what}={text!r} is no time that could be waited for", f'write {what}="20 s"')
    return round(value * 1e9)


def _period_ns(scene: Scene, signal: Signal, text: str) -> int:
    if signal.period_ns:
        return signal.period_ns
    device = scene.bench.devices.get(signal.device)
    periods = [each.period_ns for each in device.signals.values()] if device is not None else []
    if not any(periods):
        raise UsageError(f"{signal.path} promises no rate, so {text!r} is no time", 'write for example "5 s"')
    return max(periods)


def show(value: float, unit: str) -> str:
    """Return a value with its unit as people read it."""
    return f"{value:.6g} {unit}".rstrip()


def show_time(time_ns: float) -> str:
    """Return a time as people read it."""
    return f"{time_ns / 1e9:g} s"


def show_span(time_ns: int | None) -> str:
    """Return for how long something must be so, None being to the end of a block."""
    return "all the time" if time_ns is None else f"for {show_time(time_ns)}"


def _example(signal: Signal) -> str:
    return f'"1 {signal.unit}"' if signal.unit else "1"
