"""CSV as most loggers and spreadsheets write it: a column of times, and one a signal."""

from __future__ import annotations

from collections.abc import Iterator

from testbed.bench import nearest
from testbed.errors import DamagedInput, UsageError
from testbed.session.exports import Record
from testbed.signals import Signal

from .csv_file import CsvFile
from .names import identifier, read_header, split_unit
from .options import CsvOptions
from .source import Source, sample
from .times import ISO, UNITS, ReadTime, time_reader, time_unit

_TIME_NAMES = ("time", "t", "timestamp", "datetime", "date", "utc", "seconds")
_TIME_WORDS = {f"{name}_{unit}": unit for name in _TIME_NAMES for unit in ("s", "ms", "us", "ns")}
_WORDS = {"true": 1.0, "false": 0.0}
_HINT = "read only other columns with --column"


def wide_source(file: CsvFile, options: CsvOptions) -> Source:
    """Return what the file holds: a signal for each column but that of the times."""
    units = _units_row(file)
    time = _time_column(file, options.time)
    columns = _chosen(file, time, options.columns)
    read_time = _time_reader(file, time, units, options)
    signals = _signals(file, columns, units, options.device or identifier(file.path.stem))
    number = _number if file.delimiter == "," else _number_with_comma

    def records() -> Iterator[Record]:
        rows = file.rows()
        if units:
            next(rows)
        for line, cells in rows:
            at = time
            try:
                time_ns = read_time(cells[time])
                for signal, at in enumerate(columns):
                    if text := cells[at].strip():
                        yield sample(signal, time_ns, number(text))
            except ValueError as error:
                hint = "say how it is counted with --time-unit and --start" if at == time else _HINT
                raise file.error(line, at, str(error), hint) from None

    return Source("csv", signals, records)


def _units_row(file: CsvFile) -> list[str]:
    """Return the units if the first row is one of `[degC]` or `(V)`, as oscilloscopes write it."""
    _, cells = next(file.rows(), (0, [""]))
    split = [split_unit(cell) for cell in cells]
    named = [name for (name, _), cell in zip(split, cells, strict=True) if cell.strip()]
    return [unit for _, unit in split] if named and not any(named) else []


def _time_column(file: CsvFile, wanted: str) -> int:
    names = [split_unit(head)[0].lower() for head in file.heads]
    if wanted:
        for column, head in enumerate(file.heads):
            if wanted in (head, split_unit(head)[0]):
                return column
        raise UsageError(f"{file.path}: has no column {wanted!r}", nearest(wanted, file.heads))
    for column, name in enumerate(names):
        if name in _TIME_NAMES or name in _TIME_WORDS:
            return column
    raise UsageError(
        f"{file.path}:{file.line}: none of {', '.join(file.heads)} is a column of times",
        "name it with --time COLUMN; lines before the heads are passed over with --skip N",
    )


def _time_reader(file: CsvFile, time: int, units: list[str], options: CsvOptions) -> ReadTime:
    """Return what reads the times: in the unit that is told, else as the first of them looks."""
    if options.time_unit and not time_unit(options.time_unit):
        raise UsageError(f"{options.time_unit!r} is no unit of time", f"choose from {', '.join(UNITS)}")
    name, written = split_unit(file.heads[time])
    told = (options.time_unit, written, units[time] if units else "", _TIME_WORDS.get(name.lower(), ""))
    unit = next(filter(None, map(time_unit, told)), "")
    if not unit:
        rows = file.rows()
        if units:
            next(rows)
        _, cells = next(rows, (0, ["0"] * len(file.heads)))
        unit = "s" if _is_number(cells[time]) else ISO
    return time_reader(unit, options.start_ns)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _chosen(file: CsvFile, time: int, wanted: tuple[str, ...]) -> list[int]:
    names = {name: column for column, head in enumerate(file.heads) for name in (head, split_unit(head)[0])}
    for name in wanted:
        if name not in names:
            raise UsageError(f"{file.path}: has no column {name!r}", nearest(name, file.heads))
    chosen = [names[name] for name in wanted] or range(len(file.heads))
    columns = [column for column in chosen if column != time and file.heads[column]]
    if not columns:
        raise DamagedInput(f"{file.path}: has no column but that of the times")
    return columns


def _signals(file: CsvFile, columns: list[int], units: list[str], device: str) -> list[Signal]:
    signals: list[Signal] = []
    places: dict[tuple[str, str], int] = {}
    for column in columns:
        head = read_header(file.heads[column])
        place = (head.device or device, head.name)
        if place in places:
            other = file.heads[places[place]]
            raise file.error(
                file.line, column, f"would be {'.'.join(place)}, as {other!r} is", "choose with --column"
            )
        places[place] = column
        unit = head.unit or (units[column] if units else "")
        title = head.title if head.title != head.name else ""
        signals.append(Signal(len(signals), *place, unit, title=title))
    return signals


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        word = _WORDS.get(text.lower())
        if word is None:
            raise ValueError(f"{text!r} is no number") from None
        return word


def _number_with_comma(text: str) -> float:
    """Read a number that may have a decimal comma: in such files the comma does not part the cells."""
    return _number(text.replace(",", ".", 1) if "." not in text else text)
