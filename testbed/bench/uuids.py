"""UUIDs of services and characteristics: short forms, long forms, and how people write them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

_BASE = "-0000-1000-8000-00805f9b34fb"
"""The Bluetooth Base UUID's tail (Core Specification 5.4, vol 3 part B, 2.5.1)."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHORT = re.compile(r"(?:0x)?([0-9a-f]{4}|[0-9a-f]{8})")


def uuid128(uuid: int | str) -> str:
    """Return a UUID's 128-bit form in lower case; 16- and 32-bit ones are set into the base UUID.

    Raises ValueError when it is neither a number of at most 32 bits nor a UUID in text.
    """
    if isinstance(uuid, int) and not isinstance(uuid, bool) and 0 <= uuid < 1 << 32:
        return f"{uuid:08x}{_BASE}"
    text = str(uuid).strip().lower()
    if isinstance(uuid, str) and _UUID.fullmatch(text):
        return text
    short = _SHORT.fullmatch(text) if isinstance(uuid, str) else None
    if short is None:
        raise ValueError(f"{uuid!r} is no UUID; write 0x2A6E or 12345678-1234-5678-1234-56789abcdef0")
    return f"{short[1]:0>8}{_BASE}"


def uuid16(uuid: str) -> int | None:
    """Return the 16-bit form of a 128-bit UUID in text, or None when it has none."""
    return int(uuid[:8], 16) if uuid.startswith("0000") and uuid.endswith(_BASE) else None


def uuid_words(uuid: str) -> str:
    """Return a UUID as people write it: 0x2A6E where it has a short form."""
    short = uuid16(uuid)
    return uuid if short is None else f"0x{short:04X}"


Uuid = Annotated[str, BeforeValidator(uuid128)]
