"""Expectations as people write them in a bench file, read into numbers.

chamber.temperature stays below 85 degC
chamber.temperature stays between 10 degC and 70 degC after 20 s
probe.temperature settles at 60 degC +/- 1 K within 25 s
fan.speed reaches 1200 rpm within 5 s
air.humidity stays good after 5 s
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from . import units


class ExpectationKind(StrEnum):
    """What must hold."""

    STAYS = "stays"
    SETTLES = "settles"
    REACHES = "reaches"
    GOOD = "good"


@dataclass(frozen=True)
class Expectation:
    """What must hold of a signal.

    The band is `low` to `high` in `unit`; times are seconds since the start of the run: `after` when
    judging begins (stays, good), `within` when it must have come about (settles, reaches).
    """

    text: str
    signal: str
    kind: ExpectationKind
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    after: float = 0.0
    within: float = math.inf


_AFTER = r"(?:\s+after\s+(?P<after>.+?))?"
_WITHIN = r"\s+within\s+(?P<within>.+?)"
_FORMS = tuple(
    (kind, re.compile(rf"^(?P<signal>[A-Za-z_]\w*\.\w+)\s+{form}\s*$"))
    for kind, form in (
        (ExpectationKind.GOOD, rf"stays\s+good{_AFTER}"),
        (ExpectationKind.STAYS, rf"stays\s+below\s+(?P<high>.+?){_AFTER}"),
        (ExpectationKind.STAYS, rf"stays\s+above\s+(?P<low>.+?){_AFTER}"),
        (ExpectationKind.STAYS, rf"stays\s+between\s+(?P<low>.+?)\s+and\s+(?P<high>.+?){_AFTER}"),
        (ExpectationKind.SETTLES, rf"settles\s+at\s+(?P<value>.+?)\s*(?:\+/-|±)\s*(?P<band>.+?){_WITHIN}"),
        (ExpectationKind.REACHES, rf"reaches\s+(?P<low>.+?){_WITHIN}"),
    )
)

EXAMPLE = "write for example: chamber.temperature stays below 85 degC"


def parse_signal(text: str) -> str | None:
    """Return the signal that an expectation speaks of, or None when no form fits."""
    for _, form in _FORMS:
        if match := form.match(text):
            return match["signal"]
    return None


def parse_expectation(text: str, unit: str) -> Expectation:
    """Read an expectation about a signal of `unit`; raises ValueError saying what does not fit."""
    for kind, form in _FORMS:
        if match := form.match(text):
            return _read(text, kind, match.groupdict(), unit)
    raise ValueError(f"{text!r} is no expectation; {EXAMPLE}")


def _read(text: str, kind: ExpectationKind, parts: dict[str, str | None], unit: str) -> Expectation:
    low, high = -math.inf, math.inf
    if parts.get("value") and parts.get("band"):
        centre = units.convert(parts["value"] or "", unit)
        band = abs(units.convert(parts["band"] or "", unit, difference=True))
        low, high = centre - band, centre + band
    if parts.get("low"):
        low = units.convert(parts["low"] or "", unit)
    if parts.get("high"):
        high = units.convert(parts["high"] or "", unit)
    if low >= high:
        raise ValueError(f"{text!r}: the band from {low:g} to {high:g} {unit} is empty")
    after, within = parts.get("after"), parts.get("within")
    return Expectation(
        text=text,
        signal=parts["signal"] or "",
        kind=kind,
        unit=unit,
        low=low,
        high=high,
        after=units.seconds(after) if after else 0.0,
        within=units.seconds(within) if within else math.inf,
    )
