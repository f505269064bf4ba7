"""Parquet: one long table a kind, written a row group at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from testbed.session.file import SessionReader

from .needs import needed
from .rows import COLUMNS, Row, Rows
from .timeline import Kind, Progress, timeline, unheard

if TYPE_CHECKING:
    import pyarrow as pa

_ROW_GROUP = 1 << 16
"""Rows held in memory at a time: some 10 MB."""

_BINARY = {"data"}
_NUMBERS = {"value", "setpoint", "measured", "output", "p", "i", "d"}
_FLAGS = {"overrun", "acted_safe"}
_MAPS = {"values"}


def write_parquet(
    session: SessionReader, file: BinaryIO, kind: Kind = Kind.SAMPLES, progress: Progress = unheard
) -> None:
    """Write the records of one kind as a table of its COLUMNS, in time order, as it reads them.

    Times and durations are int64 (ns), values float64, texts dictionary-encoded. The session's metadata
    and signals stand in the file's key-value metadata as JSON. Raises MissingPart without pyarrow.
    """
    with needed("Parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq

    schema = pa.schema(
        [(name, _type(pa, name)) for name in COLUMNS[kind]],
        {
            "testbed.session": json.dumps(session.meta()),
            "testbed.signals": msgspec.json.encode(session.signals),
        },
    )
    rows = (row for _, row in map(Rows(session).row, timeline(session, [kind], progress)))
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            columns = zip(*batch, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), _ROW_GROUP)


def _type(pa: Any, name: str) -> pa.DataType:
    if name.endswith("_ns"):
        return pa.int64()
    if name in _NUMBERS:
        return pa.float64()
    if name in _FLAGS:
        return pa.bool_()
    if name in _MAPS:
        return pa.map_(pa.string(), pa.float64())
    return pa.binary() if name in _BINARY else pa.dictionary(pa.int32(), pa.string())


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, _ROW_GROUP)):
        yield batch
