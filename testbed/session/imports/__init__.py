"""Makes sessions of recordings that other tools made."""

from .csv import open_csv
from .mcap import open_mcap
from .open import open_recording
from .options import CsvOptions
from .source import Source
from .times import read_iso
from .write import Imported, write_session

__all__ = [
    "CsvOptions",
    "Imported",
    "Source",
    "open_csv",
    "open_mcap",
    "open_recording",
    "read_iso",
    "write_session",
]
