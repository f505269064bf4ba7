"""How times, durations and values are said."""

from __future__ import annotations

from datetime import UTC, datetime

from testbed.clock import NS
from testbed.signals import Signal


def clock_text(time_ns: int) -> str:
    """Return the clock time in UTC with microseconds: 14:03:07.123456."""
    moment = datetime.fromtimestamp(time_ns // NS, UTC)
    return f"{moment:%H:%M:%S}.{time_ns % NS // 1000:06d}"


def duration_text(ns: int) -> str:
    """Return a duration in the unit that suits it: 84 us, 1.25 ms, 2.5 s."""
    for unit, size in (("s", NS), ("ms", 1_000_000), ("us", 1_000)):
        if abs(ns) >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns} ns"


def value_text(value: float, signal: Signal) -> str:
    """Return a value with its unit, or that there is none."""
    return "no value" if value != value else f"{value:.6g} {signal.unit}".rstrip()
