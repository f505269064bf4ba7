"""A recording of another tool, as this room hands it on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.session.exports import Record
from testbed.signals import Quality, Sample, Signal

NO_VALUE = "the recording holds no number here"


@dataclass(frozen=True)
class Source:
    """What a recording holds; `records` reads it from the beginning whenever it is called.

    `origin` is the metadata of the session that an export of ours was made from, `left_out` says what
    cannot be read, each with its reason.
    """

    form: str
    signals: list[Signal]
    records: Callable[[], Iterator[Record]]
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def sample(signal: int, time_ns: int, value: float) -> Sample:
    """Return a good sample, or a bad one when there is no value (NaN)."""
    if value == value:
        return Sample(signal, time_ns, value)
    return Sample(signal, time_ns, math.nan, Quality.BAD, NO_VALUE)
