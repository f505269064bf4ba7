"""Times as other tools write them: numbers in a unit, or ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from testbed.clock import NS

_LIMIT = 1 << 63
_OUTSIDE = "lies before 1970 or after 2262"
_EPOCH, _SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)
_FACTORS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1, "min": 60 * 10**9, "h": 3600 * 10**9}
_SPELLINGS = {
    "µs": "us",
    "μs": "us",
    "sec": "s",
    "seconds": "s",
    "second": "s",
    "hours": "h",
    "minutes": "min",
}
_FRACTION = re.compile(r"(?<=:\d\d:\d\d)[.,](\d+)")  # datetime would keep six digits of it

ISO = "iso"

UNITS = (*_FACTORS, ISO)
"""What a column of times may be in."""

ReadTime = Callable[[str], int]
"""Returns a time in UTC ns; raises ValueError for what is none."""


def time_unit(text: str) -> str:
    """Return one of UNITS for its spelling, or an empty text."""
    unit = _SPELLINGS.get(text, text)
    return unit if unit in UNITS else ""


def time_reader(unit: str, start_ns: int) -> ReadTime:
    """Return what reads times of a unit; numbers count from `start_ns`."""
    if unit == ISO:
        return read_iso
    factor = _FACTORS[unit]

    def read(text: str) -> int:
        try:
            number = Decimal(text) * factor
        except ArithmeticError:
            number = Decimal("nan")
        if not number.is_finite():
            raise ValueError(f"{text!r} is no number of {unit}")
        if abs(number) >= _LIMIT:  # looked at first: as an integer it could fill the memory
            raise ValueError(_OUTSIDE)
        return checked(start_ns + int(number.to_integral_value()))

    return read


def read_iso(text: str) -> int:
    """Return an ISO 8601 time, to the last ns; one without a zone is taken for UTC."""
    fraction = _FRACTION.search(text)
    digits = fraction[1] if fraction else ""
    whole = text[: fraction.start()] + text[fraction.end() :] if fraction else text
    try:
        moment = datetime.fromisoformat(whole.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no time of ISO 8601, such as 2026-11-23T14:03:07.5Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - _EPOCH) // _SECOND
    return checked(seconds * NS + moment.microsecond * 1000 + int(digits[:9].ljust(9, "0")))


def checked(time_ns: int) -> int:
    """Return a time that a session can hold; raises ValueError for others."""
    if not 0 <= time_ns < _LIMIT:
        raise ValueError(_OUTSIDE)
    return time_ns
