"""JSON lines: all that a session recorded, one record a line."""

from __future__ import annotations

from collections.abc import Collection
from typing import BinaryIO

import msgspec

from testbed.session.file import SessionReader

from .rows import COLUMNS, Rows
from .timeline import Kind, Progress, timeline, unheard


def write_jsonl(
    session: SessionReader,
    file: BinaryIO,
    kinds: Collection[Kind] = tuple(Kind),
    progress: Progress = unheard,
) -> None:
    """Write every record as one JSON object a line, in time order, as it reads them.

    `record` says what it is (sample, frame, command, event, cycle, twin-state), then come the COLUMNS of
    its kind. The bytes of a frame are in hexadecimal. JSON has no number for an infinity: it becomes null.
    """
    rows = Rows(session)
    encoder = msgspec.json.Encoder()
    for record in timeline(session, kinds, progress):
        kind, row = rows.row(record)
        line = {"record": kind.one, **dict(zip(COLUMNS[kind], row, strict=True))}
        if kind is Kind.FRAMES:
            line["data"] = line["data"].hex()
        file.write(encoder.encode(line))
        file.write(b"\n")
