"""What a mask makes of bytes: requests and answers with what only counts or protects them taken out."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple


class Asked(NamedTuple):
    """A request that takes `size` bytes: what it is about, what must be the same, what it is told by.

    Bytes that are no request are one with the place None.
    """

    size: int
    place: Hashable
    content: bytes
    tag: Hashable = None


class Heard(NamedTuple):
    """`size` bytes from a device; `tag` is that of the request that they answer, None for none."""

    size: int
    tag: Hashable = None


def noise(data: bytes) -> Asked:
    """Return bytes that are no request."""
    return Asked(len(data), None, data)
