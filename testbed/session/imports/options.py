"""What people can say about a recording that it does not say itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CsvOptions:
    """How to read a CSV file; what is empty is found out from the file.

    `time` is the head of the column of times, `time_unit` one of UNITS, `start_ns` where numbers of time
    count from, `device` the device of signals whose heads name none, `columns` the only ones to read.
    """

    time: str = ""
    time_unit: str = ""
    start_ns: int = 0
    device: str = ""
    columns: tuple[str, ...] = ()
    delimiter: str = ""
    encoding: str = "utf-8"
    skip: int = 0
