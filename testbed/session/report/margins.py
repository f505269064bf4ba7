"""How near something was to failing, and which of several things was nearest."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from testbed.session.results import ExpectationVerdict, Judgement, Measurement


class Margin(NamedTuple):
    """What was judged, and how far it was from failing: `value` in `unit` (negative: failed), and as a share.

    `share` makes margins of different units comparable: of half the band, or of the limit where there is
    but one.
    """

    what: str
    value: float
    unit: str
    share: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {**self._asdict(), "share": self.share if math.isfinite(self.share) else None}


def margins(judgements: Iterable[Judgement], measurements: Iterable[Measurement]) -> list[Margin]:
    """Return all margins, the nearest to failing first; what failed without a margin is in none."""
    found = [_margin(each.text, each.margin, each) for each in judgements if _judged(each)]
    found += [_margin(each.name, each.margin, each) for each in measurements]
    return sorted((margin for margin in found if margin is not None), key=lambda margin: margin.share)


def _judged(judgement: Judgement) -> bool:
    return judgement.verdict in (ExpectationVerdict.PASSED, ExpectationVerdict.FAILED)


def _margin(what: str, value: float | None, of: Judgement | Measurement) -> Margin | None:
    if value is None:
        return None
    if of.low is not None and of.high is not None:
        scale = (of.high - of.low) / 2
    else:
        scale = abs(of.high if of.high is not None else of.low if of.low is not None else 0.0)
    return Margin(what, value, of.unit, value / scale if scale else math.copysign(math.inf, value))
