"""Line protocol, built whole columns at a time.

Source: InfluxDB line protocol reference (v2). What differs between InfluxDB 1, 2 and 3 is not used: tags
stand in the order of their names, none is empty, and there are no unsigned fields.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping, Sequence

import msgspec

_TAG_SPECIAL = re.compile(r"([,= ])")
_MEASUREMENT_SPECIAL = re.compile(r"([, ])")
_LONGEST_TEXT = 16_000  # characters; InfluxDB refuses fields of more than 64 KiB

Field = float | int | bool | str | None


def series(measurement: str, tags: Mapping[str, str]) -> str:
    """Return the beginning of a line, up to its tags; empty tags are left out."""
    parts = [_MEASUREMENT_SPECIAL.sub(r"\\\1", _one_line(measurement))]
    parts += [f"{_tag(key)}={_tag(value)}" for key, value in sorted(tags.items()) if value]
    return ",".join(parts)


def point(beginning: str, fields: Mapping[str, Field], time_ns: int) -> str:
    """Return one line; fields without a number (None, NaN, infinite) are left out.

    Raises ValueError when no field is left.
    """
    texts = [
        f"{_tag(key)}={text}" for key, value in fields.items() if (text := _field_text(value)) is not None
    ]
    if not texts:
        raise ValueError(f"a point of {beginning} has no field")
    return f"{beginning} {','.join(texts)} {time_ns}"


def column(beginning: str, field: str, times: Sequence[int], values: array[float]) -> list[str]:
    """Return a line for each time and (finite) value of one field.

    msgspec writes the shortest text that gives the same float64 again, a whole column in one call.
    """
    numbers = msgspec.json.encode(values.tolist())[1:-1].decode().split(",")
    before = f"{beginning} {_tag(field)}="
    return [f"{before}{number} {time_ns}" for number, time_ns in zip(numbers, times, strict=True)]


def _field_text(value: Field) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value}i"
        case float():
            return repr(value) if math.isfinite(value) else None
        case str():
            text = value[:_LONGEST_TEXT].replace("\\", "\\\\").replace('"', '\\"')
            return f'"{text}"'


def _tag(text: str) -> str:
    return _TAG_SPECIAL.sub(r"\\\1", _one_line(text))


def _one_line(text: str) -> str:
    """Return text as it may stand outside quotes: without line ends, and without the backslash's meaning."""
    return re.sub(r"[\r\n\t]", " ", text).replace("\\", "/")
