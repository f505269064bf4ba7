"""What a twin costs: one sample through its filter, stage by stage, and a hundred futures at once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from testbed.twin.estimate import ExtendedKalman, Followed
from testbed.twin.models import MODELS, Components, model_class

from .table import Row, print_table

_US = 1e6
_INPUTS = (15.0, 1500.0, 0.0)
_FUTURES, _SPAN = 100, 600.0
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
    return [*_filter(200 if quick else 2000), *(_futures(kind) for kind in MODELS)]


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


def _futures(kind: str) -> Row:
    model = model_class(kind)({})
    state, inputs, step = _POINTS[kind]
    cases = tuple(component * np.linspace(0.9, 1.1, _FUTURES) for component in state)
    begun = time.perf_counter()
    for _ in range(round(_SPAN / step)):
        cases = model.step(cases, inputs, step)
    faster = _SPAN / (time.perf_counter() - begun)
    return Row(
        f"100 futures of 10 min, {kind}", faster, "x real time", target="at least 1,000", ok=faster >= 1000
    )


def _middle(count: int, what: Callable[[], object]) -> float:
    spent: list[float] = []
    for _ in range(count):
        begun = time.perf_counter()
        what()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent) * _US


if __name__ == "__main__":
    print_table(measure())
