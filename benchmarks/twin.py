"""What a twin costs: one sample through its filter, stage by stage, and a hundred futures at once."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

from testbed.clock import SystemClock
from testbed.signals import Hub, Sample, Signal, Stage
from testbed.twin import Mirror
from testbed.twin.estimate import ExtendedKalman, Followed
from testbed.twin.models import MODELS, Components, model_class
from testbed.twin.predict import foretell

from . import twin_changes, twin_fmu
from .table import Row, print_table

_US = 1e6
_INPUTS = (15.0, 1500.0, 0.0)
_FUTURES, _SPAN, _STEPS = 100, 600.0, 240
_POINTS: dict[str, tuple[Components, Components, float]] = {  # state, inputs, the step between two outputs
    "battery": ((0.7, 0.01), (1.5,), 5.0),
    "dc-motor": ((0.4, 60.0), (6.0, 0.01), 0.1),
    "fan": ((900.0,), (60.0,), 0.5),
    "first-order-dead-time": ((0.0, 0.0, 0.0, 0.4), (1.0,), 0.5),
    "mass-spring-damper": ((0.1, -0.2), (3.0,), 0.5),
    "tank": ((0.8,), (2e-4, 40.0), 1.0),
    "thermal": ((60.0, 45.0), _INPUTS, 1.0),
}


def measure(quick: bool = False) -> list[Row]:
    count = 200 if quick else 2000
    costs = [*_filter(count), _ahead(count), *(_futures(kind) for kind in MODELS), *_many(quick)]
    return [*costs, *twin_fmu.measure(quick), *twin_changes.measure(quick)]


def _filter(count: int) -> list[Row]:
    """Measure a filter of four states, a dead time, against its target."""
    state, inputs, _ = _POINTS["first-order-dead-time"]
    followed = ExtendedKalman(Followed(model_class("first-order-dead-time")({})))
    followed.begin((0.4,), inputs)
    followed.state = state
    predict = _middle(count, lambda: followed.predict(0.05, inputs))
    correct = _middle(count, lambda: followed.correct(0, 0.4, inputs))
    both = predict + correct
    return [
        Row("a sample through the filter, 4 states", both, "us", target="at most 60", ok=both <= 60),
        Row("  of that: predict", predict, "us"),
        Row("  of that: correct", correct, "us"),
    ]


def _ahead(count: int) -> Row:
    """Measure what the guard asks before a command: a hundred steps of the chamber."""
    standing = _standing("thermal")
    plan = [(1.0, _INPUTS), (59.0, (0.0, 1500.0, 0.0))]
    spent = _middle(count // 4, lambda: foretell(standing, plan, 100)) / 1e3
    return Row("a look ahead of 100 steps", spent, "ms", target="at most 1.5", ok=spent <= 1.5)


def _futures(kind: str) -> Row:
    standing, (_, inputs, _) = _standing(kind), _POINTS[kind]
    begun = time.perf_counter()
    for number in range(_FUTURES):
        changed = tuple(each * (0.9 + 0.002 * number) for each in inputs)
        foretell(standing, [(60.0, inputs), (_SPAN - 60.0, changed)], _STEPS)
    faster = _SPAN / (time.perf_counter() - begun)
    return Row(
        f"100 futures of 10 min, {kind}", faster, "x real time", target="at least 1,000", ok=faster >= 1000
    )


def _standing(kind: str) -> ExtendedKalman:
    state, inputs, _ = _POINTS[kind]
    found = ExtendedKalman(Followed(model_class(kind)({})))
    found.begin([float(each) for each in found.followed.model.output(state, inputs)], inputs)
    found.state = tuple(map(float, state))
    return found


def _many(quick: bool) -> list[Row]:
    """Measure the load of many twins at 10 Hz: that only mirror, and that estimate."""
    seconds = 1 if quick else 5
    hub = Hub(1000, lambda subscriber, error: None)
    signals = [Signal(number, f"d{number}", "temperature", "degC") for number in range(1000)]
    loop = asyncio.new_event_loop()
    mirror = Mirror(signals, SystemClock(loop), hub.publish)
    hub.subscribe_all(Stage.TWIN, mirror.observe)
    begun = time.process_time()
    for step in range(10 * seconds):
        for signal in signals:
            hub.publish(Sample(signal.id, step * 100_000_000, 20.0))
    loop.close()
    mirroring = 100 * (time.process_time() - begun) / seconds
    filters = [_standing("thermal") for _ in range(100)]
    begun = time.process_time()
    for _ in range(10 * seconds):
        for each in filters:
            each.predict(0.1, _INPUTS)
            each.correct(0, 60.0, _INPUTS)
    estimating = 100 * (time.process_time() - begun) / seconds
    return [
        Row("1,000 mirrors at 10 Hz", mirroring, "% of a core", target="at most 50", ok=mirroring <= 50),
        Row(
            "100 estimating twins at 10 Hz",
            estimating,
            "% of a core",
            target="at most 50",
            ok=estimating <= 50,
        ),
    ]


def _middle(count: int, what: Callable[[], object]) -> float:
    spent: list[float] = []
    for _ in range(count):
        begun = time.perf_counter()
        what()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent) * _US


if __name__ == "__main__":
    print_table(measure())
