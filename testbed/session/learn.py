"""What a twin's model leaves over of a session when it goes by itself, and a model of that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from testbed.bench import Bench, TwinModel, nearest
from testbed.errors import UsageError
from testbed.signals import Command, Quality, Sample
from testbed.twin.models import Variable, make_model
from testbed.twin.models.learned import Arx, ArxLearner, GaussianProcess
from testbed.twin.wiring import Wiring

from .file import SessionReader
from .whatif import happened, twin_of

KINDS = ("arx", "gaussian-process")
_LEARNED = 0.75  # of a session; the rest tells how good it is
_NS = 1e9

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Leftover:
    """Residuals of one sensor once a period, NaN where there was no sample, and the inputs from then on."""

    twin: str
    sensor: str
    output: Variable
    inputs: tuple[Variable, ...]
    period: float
    residuals: Floats
    given: Floats
    """(periods, inputs), each the mean over its period."""


@dataclass(frozen=True)
class Learned:
    """A model of what is left over; `before` and `after` are how far off one is without and with it.

    Root mean squares over the last quarter of the session, of which it knows neither residuals nor sigma.
    """

    model: Arx | GaussianProcess
    before: float
    after: float


def leftover(
    session: SessionReader, bench: Bench, twin: str | None, sensor: str | None, period: float | None
) -> Leftover:
    """Return what the model of a twin leaves over of a session, from its first sample on, uncorrected.

    `period` in s is by default that of the sensor's samples. Raises UsageError for a twin or sensor that
    there is not, and where there are too few samples.
    """
    name, spec = twin_of(bench, twin)
    paths = [each.signal.path for each in spec.sensors]
    path = paths[0] if sensor is None else sensor
    if path not in paths:
        raise UsageError(f"{path} measures no output of the twin of {name}", nearest(path, paths))
    walk = _Walk(spec, paths.index(path))
    start_ns, end_ns = session.span()
    for time_ns, what in happened(session, bench, walk.wiring, start_ns, end_ns):
        walk.take(time_ns, what)
    if len(walk.times) < 2:
        raise UsageError(f"there are {len(walk.times)} good samples of {path}", "take a longer session")
    spaced = float(np.median(np.diff(walk.times)))
    output = walk.model.OUTPUTS[walk.wiring.outputs[walk.sensor]]
    wired = [at for at, each in enumerate(walk.wiring.inputs) if each is not None]
    even = spaced if period is None else period
    residuals, given = walk.evenly(even)
    error, inputs = replace(output, name=f"{output.name}_error"), tuple(walk.model.INPUTS[at] for at in wired)
    return Leftover(name, path, error, inputs, even, residuals, given[:, wired])


def learn(left: Leftover, kind: str, *, own: int = 2, past: int = 1, sparse: float | None = None) -> Learned:
    """Learn from the first three quarters; raises UsageError where they are too few."""
    count = int(len(left.residuals) * _LEARNED)
    known, given = left.residuals[:count], left.given[:count]
    try:
        if kind == "arx":
            learner = ArxLearner(left.output, left.inputs, left.period, own=own, past=past)
            for residual, inputs in zip(known, given, strict=True):
                learner.add(float(residual), inputs.tolist())
            model: Arx | GaussianProcess = learner.model(sparse)
        else:
            there = ~np.isnan(known)
            model = GaussianProcess.fit(
                left.output, left.inputs, given[there].tolist(), known[there].tolist()
            )
    except ValueError as error:
        raise UsageError(f"{left.sensor}: {error}", "take a longer session") from None
    rest = left.residuals[count:]
    return Learned(model, _rms(rest), _rms(rest - _alone(model, left, count)))


def _alone(model: Arx | GaussianProcess, left: Leftover, count: int) -> Floats:
    """Return what a model says of the last quarter without being told anything of it but the inputs."""
    known = left.residuals[:count]
    first = (float(known[~np.isnan(known)][-1]), math.nan)[: len(model.OUTPUTS)]
    state = model.begin(first, tuple(left.given[count - 1]))
    said = []
    for before, now in zip(left.given[count - 1 :], left.given[count:], strict=False):
        state = model.step(state, tuple(before), left.period)
        said.append(float(model.output(state, tuple(now))[0]))
    return np.array(said)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.nanmean(values**2)))


class _Walk:
    """A model that goes through a session by itself, begun by the first good sample of one sensor."""

    def __init__(self, spec: TwinModel, sensor: int) -> None:
        self.model = make_model(spec)
        self.wiring = Wiring(spec, self.model)
        self.sensor = sensor
        self._inputs: list[float] = [0.0] * len(self.model.INPUTS)
        self._state: tuple[float, ...] | None = None
        self._time_ns = 0
        self.times: list[float] = []
        self._residuals: list[float] = []
        self._changes: list[tuple[float, tuple[float, ...]]] = []

    def take(self, time_ns: int, what: Sample | Command) -> None:
        """Take what happened."""
        if isinstance(what, Sample) and what.quality is not Quality.GOOD:
            return
        if (number := self.wiring.input_of.get(what.signal)) is not None:
            self._go(time_ns)
            self._inputs[number] = self.wiring.input_to_model(number, what.value)
            self._changes.append((time_ns / _NS, tuple(self._inputs)))
        elif self.wiring.sensor_of.get(what.signal) == self.sensor:
            self._measured(time_ns, self.wiring.scales[self.sensor].to_model(what.value))

    def _measured(self, time_ns: int, value: float) -> None:
        output, inputs = self.wiring.outputs[self.sensor], tuple(self._inputs)
        if self._state is None:
            outputs = [math.nan] * len(self.model.OUTPUTS)
            outputs[output] = value
            self._state, self._time_ns = self.model.begin(tuple(outputs), inputs), time_ns
        self._go(time_ns)
        self.times.append(time_ns / _NS)
        self._residuals.append(value - float(self.model.output(self._state, inputs)[output]))

    def _go(self, time_ns: int) -> None:
        if self._state is not None and time_ns > self._time_ns:
            seconds = (time_ns - self._time_ns) / _NS
            self._state = self.model.step(self._state, tuple(self._inputs), seconds)
            self._time_ns = time_ns

    def evenly(self, period: float) -> tuple[Floats, Floats]:
        """Return residuals and mean inputs once a period."""
        places = np.round((np.array(self.times) - self.times[0]) / period).astype(int)
        residuals = np.full(places[-1] + 1, math.nan)
        residuals[places[::-1]] = self._residuals[::-1]  # of several in a period, the first
        edges: Floats = self.times[0] + period * np.arange(len(residuals) + 1.0)
        return residuals, _means(self._changes, edges, len(self._inputs))


def _means(changes: Sequence[tuple[float, tuple[float, ...]]], edges: Floats, count: int) -> Floats:
    """Return the means of what changes in steps between edges: (edges - 1, count)."""
    times = np.array([-math.inf, *(time for time, _ in changes)])
    values = np.array([(0.0,) * count, *(each for _, each in changes)]).reshape(len(times), count)
    inside = times[(times > edges[0]) & (times < edges[-1])]
    marks = np.union1d(edges, inside)
    held = values[np.searchsorted(times, marks[:-1], side="right") - 1]
    area = np.vstack((np.zeros(count), np.cumsum(held * np.diff(marks)[:, None], axis=0)))
    found: Floats = np.diff(area[np.searchsorted(marks, edges)], axis=0) / np.diff(edges)[:, None]
    return found
