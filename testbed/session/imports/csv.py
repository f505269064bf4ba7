"""CSV recordings: our own export, or a wide table with a column of times and one a signal."""

from __future__ import annotations

from pathlib import Path

from .csv_file import CsvFile
from .csv_long import REQUIRED, long_source
from .csv_wide import wide_source
from .options import CsvOptions
from .source import Source


def open_csv(path: Path, options: CsvOptions | None = None) -> Source:
    """Return what a CSV file holds.

    Raises DamagedInput, naming line and column, for what cannot be read, UsageError when an option would
    help. Rows are read when records are: a mistake in one is raised then.
    """
    options = options or CsvOptions()
    file = CsvFile(path, options.delimiter, options.encoding, options.skip)
    if set(file.heads) >= set(REQUIRED):
        return long_source(file)
    return wide_source(file, options)
