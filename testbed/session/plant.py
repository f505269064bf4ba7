"""Builds the plant of a bench: from its parameters, and for a recording from the file that it plays."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from testbed.bench import Bench, BenchFileError, Problem, nearest
from testbed.bench.spec import PlantSpec
from testbed.bench.units import convert
from testbed.clock import NS
from testbed.errors import TestbedError
from testbed.plants import Column, Plant, Recording, plant_class
from testbed.signals import Sample, Signal

from .file import SUFFIX, SessionReader
from .imports import Source, open_recording


class Series(NamedTuple):
    """Samples of a signal as they were recorded: times in ns, values, NaN where there was none."""

    times: array[int]
    values: array[float]


Read = Callable[[Iterable[int]], dict[int, Series]]
"""Returns the series of the signals with these numbers."""


def make_plant(bench: Bench) -> Plant | None:
    """Return the plant of a bench, at rest, or None when it has none.

    Raises BenchFileError for a recording that cannot be read, or does not hold what is connected.
    """
    spec = bench.plant
    if spec is None:
        return None
    kind = plant_class(spec.model)
    if issubclass(kind, Recording):
        return Recording(spec.parameters, _columns(bench, spec))
    if spec.file is not None:
        raise BenchFileError([_problem(bench, ("file",), f"{spec.model} takes no file", "recording does")])
    return kind(spec.parameters)


@dataclass(frozen=True)
class _Recorded:
    """A recording that can be played: its signals, and how the samples of some of them are read."""

    signals: list[Signal]
    read: Read

    def by_output(self) -> dict[str, Signal]:
        """Return the signals as outputs of a plant: `device_signal`, and `signal` where only one has it."""
        counts = Counter(signal.name for signal in self.signals)
        short = {signal.name: signal for signal in self.signals if counts[signal.name] == 1}
        return {f"{signal.device}_{signal.name}": signal for signal in self.signals} | short


def _columns(bench: Bench, spec: PlantSpec) -> dict[str, Column]:
    """Return the columns that are connected, each in the unit of the signals that it feeds."""
    if spec.file is None:
        hint = "add for example file: thermometer.csv"
        raise BenchFileError([_problem(bench, ("model",), "a recording needs a file to play", hint)])
    file = bench.file.parent / spec.file
    try:
        recorded = _open(file)
        outputs = recorded.by_output()
        wanted = {name: outputs[name] for name in spec.connect if name in outputs}
        series = recorded.read({signal.id for signal in wanted.values()})
    except TestbedError as error:
        hint = error.next_step if file.suffix == SUFFIX else "import it first: testbed import has options"
        raise BenchFileError([_problem(bench, ("file",), str(error.args[0]), hint)]) from None
    problems = [
        _problem(bench, ("connect", name), f"{file} holds no {name!r}", nearest(name, outputs), key=True)
        for name in spec.connect
        if "." not in name and name not in outputs
    ]
    columns: dict[str, Column] = {}
    start_ns = min((min(each.times) for each in series.values() if each.times), default=0)
    for name, signal in wanted.items():
        try:
            columns[name] = _column(series[signal.id], start_ns, _scale(bench, spec, name, signal.unit))
        except ValueError as error:
            problems.append(_problem(bench, ("connect", name), f"{name} of {file}: {error}", key=True))
    if problems:
        raise BenchFileError(problems)
    return columns


def _open(file: Path) -> _Recorded:
    if file.suffix == SUFFIX:
        with SessionReader(file) as session:
            signals = session.signals
        return _Recorded(signals, lambda wanted: _session_series(file, wanted))
    source = open_recording(file)
    return _Recorded(source.signals, lambda wanted: _source_series(source, wanted))


def _session_series(file: Path, wanted: Iterable[int]) -> dict[int, Series]:
    with SessionReader(file) as session:
        return {signal: Series(*session.series(signal)[:2]) for signal in wanted}


def _source_series(source: Source, wanted: Iterable[int]) -> dict[int, Series]:
    series = {signal: Series(array("q"), array("d")) for signal in wanted}
    for record in source.records():
        if isinstance(record, Sample) and record.signal in series:
            series[record.signal].times.append(record.time_ns)
            series[record.signal].values.append(record.value)
    return series


def _column(series: Series, start_ns: int, scale: tuple[float, float]) -> Column:
    """Return a column in time order; what has no value is left out, and the sample before it holds on."""
    factor, offset = scale
    known = sorted((time_ns, value) for time_ns, value in zip(*series, strict=True) if value == value)
    if not known:
        raise ValueError("has no value that could be played")
    return Column(
        array("d", [(time_ns - start_ns) / NS for time_ns, _ in known]),
        array("d", [value * factor + offset for _, value in known]),
    )


def _scale(bench: Bench, spec: PlantSpec, output: str, unit: str) -> tuple[float, float]:
    """Return factor and offset from the unit of a column to that of the signals which it feeds."""
    targets = spec.connect[output]
    paths = [targets] if isinstance(targets, str) else targets
    units = {bench.by_path[path].unit for path in paths if path in bench.by_path}
    if len(units) > 1:
        raise ValueError(f"feeds signals in different units ({', '.join(sorted(units))})")
    target = units.pop() if units else unit
    if not unit or unit == target:
        return 1.0, 0.0
    offset = convert(f"0 {unit}", target)
    return convert(f"1 {unit}", target) - offset, offset


def _problem(
    bench: Bench, path: tuple[str, ...], message: str, hint: str = "", *, key: bool = False
) -> Problem:
    return bench.document.problem(("plant", *path), message, hint, key=key)
