"""The protobuf messages of an MCAP export, built from tables: no generated code, no protoc.

What an event is told as is Foxglove's own `foxglove.Log`, which its log panel shows; see `log_class`.
"""

from __future__ import annotations

import functools
from enum import IntEnum
from typing import Any

from testbed.links import Direction
from testbed.signals import Quality

from .needs import needed

PACKAGE = "testbed"
FILE = "testbed.proto"

_SCALARS = {"double": 1, "int64": 3, "bool": 8, "string": 9, "bytes": 12}
"""FieldDescriptorProto.Type of descriptor.proto."""

_MESSAGE, _ENUM = 11, 14
_OPTIONAL, _REPEATED = 1, 3

_MAP = "map<string, double>"

FIELDS: dict[str, dict[str, str | type[IntEnum]]] = {
    "Sample": {"value": "double", "quality": Quality, "reason": "string"},
    "Frame": {"direction": Direction, "data": "bytes"},
    "Command": {
        "value": "double",
        "requester": "string",
        "priority": "string",
        "verdict": "string",
        "outcome": "string",
        "reason": "string",
        "deadline_ns": "int64",
        "cause_ns": "int64",
        "sent_ns": "int64",
        "done_ns": "int64",
    },
    "Cycle": {
        "lateness_ns": "int64",
        "age_ns": "int64",
        "latency_ns": "int64",
        "acknowledged_ns": "int64",
        "overrun": "bool",
        "acted_safe": "bool",
        "setpoint": "double",
        "measured": "double",
        "output": "double",
        "p": "double",
        "i": "double",
        "d": "double",
    },
    "TwinState": {"values": _MAP},
}
"""The fields of each message, numbered from 1 in this order: add new ones at the end, remove none.

Times are UTC in ns (0: never), durations in ns (-1: did not happen), terms are NaN where none was reckoned.
When a message was recorded is the log time of MCAP, so it does not stand in the message."""


@functools.cache
def message_class(name: str) -> Any:
    """Return the class of one of the messages in FIELDS; raises MissingPart without protobuf."""
    from google.protobuf.message_factory import GetMessageClass

    return GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


def log_class() -> Any:
    """Return the class of foxglove.Log; raises MissingPart when its package is not installed."""
    with needed("MCAP"):
        from foxglove_schemas_protobuf.Log_pb2 import Log
    return Log


@functools.cache
def _pool() -> Any:
    with needed("MCAP"):
        from google.protobuf.descriptor_pb2 import FileDescriptorProto
        from google.protobuf.descriptor_pool import DescriptorPool

    file = FileDescriptorProto(name=FILE, package=PACKAGE, syntax="proto3")
    for name, fields in FIELDS.items():
        _describe(file.message_type.add(name=name), fields)
    pool = DescriptorPool()  # one of our own: a program that embeds us may have names like ours
    pool.Add(file)
    return pool


def _describe(message: Any, fields: dict[str, str | type[IntEnum]]) -> None:
    for number, (name, kind) in enumerate(fields.items(), 1):
        field = message.field.add(name=name, number=number, label=_OPTIONAL)
        if kind == _MAP:
            _describe_map(message, field)
        elif isinstance(kind, str):
            field.type = _SCALARS[kind]
        else:
            _describe_enum(message, field, kind)


def _describe_enum(message: Any, field: Any, kind: type[IntEnum]) -> None:
    field.type = _ENUM
    field.type_name = f".{PACKAGE}.{message.name}.{kind.__name__}"
    enum = message.enum_type.add(name=kind.__name__)
    for member in kind:
        enum.value.add(name=member.name, number=member.value)


def _describe_map(message: Any, field: Any) -> None:
    """Describe a map as protobuf does: repeated entries of a key and a value."""
    entry = message.nested_type.add(name=f"{field.name.capitalize()}Entry")
    entry.options.map_entry = True
    for number, (name, kind) in enumerate((("key", "string"), ("value", "double")), 1):
        entry.field.add(name=name, number=number, label=_OPTIONAL, type=_SCALARS[kind])
    field.label, field.type = _REPEATED, _MESSAGE
    field.type_name = f".{PACKAGE}.{message.name}.{entry.name}"
