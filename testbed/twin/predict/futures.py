"""Several futures at once: forks of the live state under different inputs; the live twin notices nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.errors import UsageError
from testbed.twin.estimate import ExtendedKalman
from testbed.twin.live import LiveTwin

from .course import Course, foretell

_STEPS = 240

Floats = NDArray[np.float64]
Plan = Mapping[str, float | Sequence[tuple[float, float]]]
"""What inputs will be, by path and in the unit of their signal: a value, or (from when on in s, value) pairs.

An input that is not named stays as it is now.
"""


class Future(NamedTuple):
    """What sensors will say under one plan, by their paths and in their units; `times` in s from now."""

    plan: Plan
    times: Floats
    values: dict[str, Floats]
    sigmas: dict[str, Floats]


def futures(
    twin: LiveTwin, horizon: float, plans: Sequence[Plan], *, now: ExtendedKalman | None = None
) -> list[Future]:
    """Return what will be under each of several plans, over `horizon` s.

    Raises UsageError for an input that the model has not, and when the twin has no state yet.
    """
    if not horizon > 0:
        raise UsageError(f"a horizon of {horizon:g} s cannot be", "ask for a time above 0 s")
    fork = twin.tracker.at(twin.tracker.time_ns) if now is None else now
    if not fork.begun:
        paths = ", ".join(sensor.signal.path for sensor in twin.spec.sensors)
        raise UsageError("the twin has no state yet", f"wait for the first good sample of {paths}")
    return [_future(twin, fork, horizon, plan) for plan in plans]


def _future(twin: LiveTwin, now: ExtendedKalman, horizon: float, plan: Plan) -> Future:
    course = foretell(now, _pieces(twin, horizon, plan), _STEPS)
    return Future(plan, course.times, *_in_units(twin, course))


def _in_units(twin: LiveTwin, course: Course) -> tuple[dict[str, Floats], dict[str, Floats]]:
    values, sigmas = {}, {}
    for number, sensor in enumerate(twin.spec.sensors):
        scale = twin.wiring.scales[number]
        values[sensor.signal.path] = scale.to_signal(course.values[:, number])
        sigmas[sensor.signal.path] = abs(scale.difference(course.sigmas[:, number]))
    return values, sigmas


def _pieces(twin: LiveTwin, horizon: float, plan: Plan) -> list[tuple[float, tuple[float, ...]]]:
    """Return seconds and the model's inputs for so long."""
    wired = {each[0].path: number for number, each in enumerate(twin.wiring.inputs) if each is not None}
    changes: list[tuple[float, int, float]] = []
    for path, given in plan.items():
        if path not in wired:
            raise UsageError(f"{path} is no input of this twin", f"its inputs are {', '.join(wired)}")
        steps = [(0.0, given)] if isinstance(given, (int, float)) else given
        number = wired[path]
        changes += [(at, number, twin.wiring.input_to_model(number, value)) for at, value in steps]
    inputs = list(twin.tracker.inputs)
    pieces: list[tuple[float, tuple[float, ...]]] = []
    past = 0.0
    for at, number, value in sorted(changes):
        if past < at < horizon:
            pieces.append((at - past, tuple(inputs)))
            past = at
        if at < horizon:
            inputs[number] = value
    return [*pieces, (horizon - past, tuple(inputs))]
