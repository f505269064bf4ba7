"""Hands a session on in formats that other programs read."""

from .csv import write_csv
from .formats import Format, check_kinds, export
from .jsonl import write_jsonl
from .mcap import write_mcap
from .parquet import write_parquet
from .perfetto import write_perfetto
from .timeline import Kind, Progress, Record, timeline

__all__ = [
    "Format",
    "Kind",
    "Progress",
    "Record",
    "check_kinds",
    "export",
    "timeline",
    "write_csv",
    "write_jsonl",
    "write_mcap",
    "write_parquet",
    "write_perfetto",
]
