"""Finds out what kind of recording a file is."""

from __future__ import annotations

from pathlib import Path

from testbed.errors import UsageError

from .csv import open_csv
from .mcap import open_mcap
from .options import CsvOptions
from .source import Source

_MCAP_MAGIC = b"\x89MCAP"
_SQLITE_MAGIC = b"SQLite format 3\0"


def open_recording(path: Path, options: CsvOptions | None = None) -> Source:
    """Return what a recording holds: an MCAP file by its first bytes, a CSV file otherwise.

    Raises UsageError for a file that is neither, or options that do not fit, DamagedInput for what
    cannot be read.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(len(_SQLITE_MAGIC))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if begin == _SQLITE_MAGIC:
        raise UsageError(f"{path} is no recording of another tool", "if it is a session: testbed show FILE")
    if begin.startswith(_MCAP_MAGIC):
        if options not in (None, CsvOptions()):
            raise UsageError(f"{path} is MCAP, and options of CSV were given", "leave them away")
        return open_mcap(path)
    return open_csv(path, options)
