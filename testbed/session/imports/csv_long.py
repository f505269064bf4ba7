"""CSV with a sample a row, as `testbed export` writes it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from testbed.session.exports import Record
from testbed.signals import Quality, Sample, Signal

from .csv_file import CsvFile
from .names import identifier
from .source import Source
from .times import time_reader

REQUIRED = ("time_ns", "device", "signal", "value")
_OPTIONAL = ("unit", "quality")

_QUALITIES = {quality.word: quality for quality in Quality}


def long_source(file: CsvFile) -> Source:
    """Return what the file holds; reads it once to learn its signals."""
    columns = {head: column for column, head in enumerate(file.heads)}
    device, signal, unit = columns["device"], columns["signal"], columns.get("unit")
    found: dict[tuple[str, str], Signal] = {}
    taken: dict[tuple[str, str], tuple[str, str]] = {}
    for line, cells in file.rows():
        place = (cells[device], cells[signal])
        given = cells[unit] if unit is not None else ""
        if place not in found:
            names = (identifier(place[0]), identifier(place[1]))
            if taken.setdefault(names, place) != place:
                told = f"would be {'.'.join(names)}, as {'.'.join(taken[names])!r} is"
                raise file.error(line, signal, told, "give it another name")
            found[place] = Signal(len(found), *names, given)
        elif unit is not None and found[place].unit != given:
            known = found[place].unit or "without a unit"
            raise file.error(line, unit, f"{given!r}, and {'.'.join(place)} was {known} before")
    return Source("csv", list(found.values()), lambda: _records(file, columns, found))


def _records(
    file: CsvFile, columns: dict[str, int], signals: dict[tuple[str, str], Signal]
) -> Iterator[Record]:
    time, device, signal, value = (columns[head] for head in REQUIRED)
    quality = columns.get("quality")
    read_time = time_reader("ns", 0)
    for line, cells in file.rows():
        try:
            at = time
            time_ns = read_time(cells[time])
            at = value
            number = float(cells[value]) if cells[value] else math.nan
        except ValueError as error:
            raise file.error(line, at, str(error)) from None
        level = Quality.GOOD if number == number else Quality.BAD
        if quality is not None:
            if cells[quality] not in _QUALITIES:
                raise file.error(line, quality, f"{cells[quality]!r} is none of {', '.join(_QUALITIES)}")
            level = _QUALITIES[cells[quality]]
        yield Sample(signals[cells[device], cells[signal]].id, time_ns, number, level)
