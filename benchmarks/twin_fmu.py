"""What general and learned models cost: a step of an FMU beside fmpy's own, of parts, of what is learned."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from testbed.twin.models import Variable, model_class
from testbed.twin.models.composed import Composed
from testbed.twin.models.fmu import Kind, fmu_model
from testbed.twin.models.learned import ArxLearner, GaussianProcess

from .table import Row, print_table

_ROOT = Path(__file__).parent.parent
_ON = (40.0, 1500.0)
_SECONDS, _PARTS = 0.5, 10  # a step of our integration, cut as the FMU cuts its own
_US = 1e6
_NOTHING = (math.nan, math.nan)


def measure(quick: bool = False) -> list[Row]:
    count = 300 if quick else 3000
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chamber.fmu"
        build = [sys.executable, _ROOT / "tools/build-fmu", _ROOT / "benches/chamber-fmu", "-o", file]
        subprocess.run(build, check=True)
        rows = [_fmu(file, kind, count) for kind in Kind]
    return [*rows, *_parts(count // 3), *_learned(count)]


def _fmu(file: Path, kind: Kind, count: int) -> Row:
    """Measure step and outputs of ours and of fmpy, in turns, as medians."""
    model = fmu_model(file, kind=kind, step=_SECONDS / _PARTS)
    state = model.begin(_NOTHING, _ON)

    def ours() -> None:
        nonlocal state
        state = model.step(state, _ON, _SECONDS)
        model.output(state, _ON)

    theirs = _peer(file, kind)
    first, second = _in_turns(count, ours, theirs)
    model.close()
    what = f"FMU for {kind}: a step and its outputs"  # ours can go back to each step, the peer cannot
    ok = first <= 2 * second
    return Row(what, first * _US, "us", "fmpy's calls", second * _US, "at most 2 times", ok)


def _peer(file: Path, kind: Kind) -> Callable[[], None]:
    """Return a step as one writes it with fmpy: inputs, the step (of Runge-Kutta for exchange), outputs."""
    import fmpy

    description = fmpy.read_model_description(str(file))
    folder = fmpy.extract(str(file))
    name = "CoSimulation" if kind is Kind.COSIMULATION else "ModelExchange"
    fmu: Any = fmpy.instantiate_fmu(folder, description, name)
    fmu.enterInitializationMode(startTime=0.0)
    fmu.exitInitializationMode()
    references = {each.name: each.valueReference for each in description.modelVariables}
    inputs, outputs = (
        [references[each] for each in names] for names in (("heater_duty", "fan_speed"), ("air", "load"))
    )
    now = 0.0
    if kind is Kind.COSIMULATION:

        def co_simulate() -> None:
            nonlocal now
            fmu.setFloat64(inputs, list(_ON))
            fmu.doStep(now, _SECONDS)
            now += _SECONDS
            fmu.getFloat64(outputs)

        return co_simulate
    fmu.updateDiscreteStates()
    fmu.enterContinuousTimeMode()
    x, dx = np.zeros(2), np.zeros(2)
    at, rates_at = x.ctypes.data_as(_pointer()), dx.ctypes.data_as(_pointer())
    fmu.getContinuousStates(at, 2)

    def rates(time: float, states: np.ndarray) -> np.ndarray:
        fmu.setTime(time)
        x[:] = states
        fmu.setContinuousStates(at, 2)
        fmu.getContinuousStateDerivatives(rates_at, 2)
        return dx.copy()

    def exchange() -> None:
        nonlocal now
        fmu.setFloat64(inputs, list(_ON))
        step, states = _SECONDS / _PARTS, x.copy()
        for _ in range(_PARTS):
            one = rates(now, states)
            two = rates(now + step / 2, states + step / 2 * one)
            three = rates(now + step / 2, states + step / 2 * two)
            four = rates(now + step, states + step * three)
            states = states + step / 6 * (one + 2 * (two + three) + four)
            now += step
        x[:] = states
        fmu.setContinuousStates(at, 2)
        fmu.getFloat64(outputs)

    return exchange


def _pointer() -> Any:
    import ctypes

    return ctypes.POINTER(ctypes.c_double)


def _parts(count: int) -> list[Row]:
    parts = {"heat": model_class("thermal")({}), "fan": model_class("fan")({})}
    model = Composed({}, parts, {"heat.fan_speed": "fan.speed"})
    state, inputs = (40.0, 30.0, 1500.0), (30.0, 0.0, 50.0)
    return [
        Row("two connected parts: a step", _cost(count, lambda: model.step(state, inputs, 0.1)), "us"),
        Row("  and its slopes", _cost(count, lambda: model.transition(state, inputs, 0.1)), "us"),
    ]


def _learned(count: int) -> list[Row]:
    residual, duty = Variable("error", "K"), Variable("duty", "%")
    chance = np.random.default_rng(1)
    learner = ArxLearner(residual, (duty,), 0.5)
    samples = chance.standard_normal((200, 2)).tolist()
    learning = _cost(count, lambda: [learner.add(each, [other]) for each, other in samples[:10]]) / 10
    for each, other in samples:
        learner.add(each, [other])
    arx = learner.model()
    process = GaussianProcess.fit(
        residual, (duty,), [[other] for _, other in samples], [each for each, _ in samples]
    )
    state = arx.begin((0.1,), (1.0,))
    return [
        Row("ARX: a sample is learned from", learning, "us"),
        Row("ARX: a step", _cost(count, lambda: arx.step(state, (1.0,), 0.5)), "us"),
        Row(
            "Gaussian process of 200 points: a look",
            _cost(count, lambda: process.output((0.0,), (1.0,))),
            "us",
        ),
    ]


def _cost(count: int, what: Callable[[], object]) -> float:
    return _in_turns(count, what)[0] * _US


def _in_turns(count: int, *what: Callable[[], object]) -> list[float]:
    """Return the median of what each takes in s, measured in turns so that other load hits all alike."""
    spent: list[list[float]] = [[] for _ in what]
    for _ in range(count):
        for times, each in zip(spent, what, strict=True):
            begun = time.perf_counter()
            each()
            times.append(time.perf_counter() - begun)
    return [statistics.median(times) for times in spent]


if __name__ == "__main__":
    print_table(measure())
