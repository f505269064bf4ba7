"""Something worth telling a person: a loss, a recovery, a refusal, a fault."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How loudly it is told."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Event(msgspec.Struct, frozen=True):
    """`kind` is a short stable word (online, offline, stale, refused, ...); `source` a device or loop."""

    time_ns: int
    level: Level
    source: str
    kind: str
    text: str
