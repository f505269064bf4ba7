"""Values in payloads, and payloads from values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_SHOWN = 40  # characters of a payload in an error
_WHOLE = 2.0**53  # up to here a float holds whole numbers exactly


def document_of(payload: bytes) -> Any:
    """Return the JSON document of a payload; raises ValueError when it is none."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON ({type(error).__name__}): {shown(payload)}") from None


def text_of(payload: bytes) -> str:
    """Return a payload that is one value by itself; raises ValueError when it is no text."""
    try:
        return payload.decode().strip()
    except UnicodeDecodeError:
        raise ValueError(f"no text: {shown(payload)}") from None


def number_of(found: Any, values: Mapping[str, float], scale: float) -> float:
    """Return the value of what stands in a payload; raises ValueError when it is no number."""
    if isinstance(found, str) and found in values:
        return values[found]
    try:
        if isinstance(found, bool | int | float | str):
            number = float({"true": "1", "false": "0"}.get(found, found) if isinstance(found, str) else found)
            if math.isfinite(number):
                return number * scale
    except (ValueError, OverflowError):
        pass
    known = f", which is none of {', '.join(values)}" if values else ""
    raise ValueError(f"no number: {shown(found)}{known}")


def word_of(value: float, values: Mapping[str, float], scale: float) -> str | int | float:
    """Return what stands in a payload for a value: the text for it, else a number."""
    for text, meant in values.items():
        if meant == value:
            return text
    raw = value / scale if scale else value
    raw = float(f"{raw:.12g}")  # 0.3 / 0.1 is to be 3
    return int(raw) if raw.is_integer() and abs(raw) < _WHOLE else raw


def fill_in(template: str, value: str | int | float, command_id: str) -> bytes:
    """Return a command's payload."""
    return template.replace("{value}", str(value)).replace("{id}", command_id).encode()


def pattern_of(template: str) -> re.Pattern[str]:
    """Return what takes value and id out of payloads that were made with a template."""
    pattern = re.escape(template)
    for name in ("value", "id"):
        first, *more = pattern.split(re.escape("{" + name + "}"))
        if more:  # each place after the first must say the same
            pattern = first + rf"(?P<{name}>[^\"]*?)" + rf"(?P={name})".join(more)
    return re.compile(pattern, re.DOTALL)


def shown(found: object) -> str:
    """Return a piece of what was found, for people."""
    text = found.decode("utf-8", "backslashreplace") if isinstance(found, bytes) else str(found)
    return repr(text[:_SHOWN]) + (" ..." if len(text) > _SHOWN else "")
