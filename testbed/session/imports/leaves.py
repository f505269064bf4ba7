"""The numbers within a message of another tool, each with the path that leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Leaf = tuple[str, float]

_LONGEST = 16
"""Numbers of a list that become signals; a longer list is an image, a scan, a spectrum: no signals."""

_TIMES = ("google.protobuf.Timestamp", "google.protobuf.Duration")


def json_leaves(value: Any, path: str = "") -> Iterator[Leaf]:
    """Yield the numbers and booleans of a decoded JSON value."""
    match value:
        case bool() | int() | float():
            yield path or "value", float(value)
        case dict():
            for key, each in value.items():
                yield from json_leaves(each, _join(path, key))
        case list() if len(value) <= _LONGEST:
            for number, each in enumerate(value):
                yield from json_leaves(each, _join(path, str(number)))


def protobuf_leaves(message: Any, path: str = "") -> Iterator[Leaf]:
    """Yield the numbers, booleans and enums of a protobuf message; times and durations in seconds.

    What is not set has no number, unless its type cannot tell unset from 0.
    """
    if message.DESCRIPTOR.full_name in _TIMES:
        yield path or "value", message.seconds + message.nanos * 1e-9
        return
    for field in message.DESCRIPTOR.fields:
        place = _join(path, field.name)
        if field.is_repeated:
            yield from _list_leaves(field, getattr(message, field.name), place)
        elif not field.has_presence or message.HasField(field.name):
            yield from _value_leaves(field, getattr(message, field.name), place)


def _list_leaves(field: Any, values: Any, path: str) -> Iterator[Leaf]:
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    if not is_map and len(values) <= _LONGEST:
        for number, value in enumerate(values):
            yield from _value_leaves(field, value, _join(path, str(number)))


def _value_leaves(field: Any, value: Any, path: str) -> Iterator[Leaf]:
    if field.message_type is not None:
        yield from protobuf_leaves(value, path)
    elif isinstance(value, (bool, int, float)):
        yield path, float(value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
