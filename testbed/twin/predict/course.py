"""The course of a device over some time, quick enough to be asked before every command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.twin.estimate import ExtendedKalman, Followed
from testbed.twin.models import Components, passing

_SEGMENT = 25  # steps for which the model is taken to be linear about the first of them

Floats = NDArray[np.float64]


class Course(NamedTuple):
    """What each sensor measures will be; values and sigmas have the shape (times, sensors).

    That is the quantity itself: neither a sensor's lag nor its bias or noise is in it. `times` are s from
    now, values are in the model's units, `sigmas` one standard deviation of them.
    """

    times: Floats
    values: Floats
    sigmas: Floats


def foretell(now: ExtendedKalman, plan: Sequence[tuple[float, Components]], steps: int) -> Course:
    """Return the course from the state of a filter, which stays as it is.

    `plan` is what the inputs will be: seconds, and the values for so long. Each of its pieces is made up of
    equal steps, `steps` in all; the model is linearised anew for every 25.
    """
    with passing(now.followed.model):
        return _foretold(now, plan, steps)


def _foretold(now: ExtendedKalman, plan: Sequence[tuple[float, Components]], steps: int) -> Course:
    whole = sum(seconds for seconds, _ in plan)
    state, covariance = np.array(now.state, dtype=float), now.covariance
    times: list[np.ndarray] = []
    values: list[Floats] = []
    sigmas: list[Floats] = []
    past = 0.0
    for seconds, inputs in plan:
        count = max(1, round(steps * seconds / whole))
        step, left = seconds / count, count
        while left:
            many = min(left, _SEGMENT)
            states, covariance = _segment(now.followed, state, covariance, inputs, step, many)
            many = len(states)
            said, spread = _said(now.followed, states, covariance, inputs)
            times.append(past + step * np.arange(1, many + 1))
            values.append(said)
            sigmas.append(np.broadcast_to(spread, said.shape))
            state, past, left = states[-1], past + step * many, left - many
    return Course(np.concatenate(times), np.concatenate(values), np.concatenate(sigmas))


def _segment(
    followed: Followed, state: Floats, covariance: Floats, inputs: Components, step: float, count: int
) -> tuple[Floats, Floats]:
    """Return the states after each of `count` steps, and the covariance after all of them.

    It is one step where a state has no slope, like the number of something kept.
    """
    later, slope = followed.step(tuple(state.tolist()), inputs, step)
    if not slope.diagonal()[followed.carried].all():
        count = 1
    shift = np.array(later) - slope @ state
    states = np.empty((count, len(state)))
    for number in range(count):
        state = slope @ state + shift
        states[number] = state
    whole = np.linalg.matrix_power(slope, count)
    return states, whole @ covariance @ whole.T + followed.wander * (step * count)


def _said(
    followed: Followed, states: Floats, covariance: Floats, inputs: Components
) -> tuple[Floats, Floats]:
    """Return what the sensors measure in these states, and how sure that is at the end of them."""
    middle = states[len(states) // 2]
    said = np.empty((len(states), len(followed.sensors)))
    spread = np.empty(len(followed.sensors))
    for number, sensor in enumerate(followed.sensors):
        value, row = followed.quantity(sensor.output, tuple(middle.tolist()), inputs)
        said[:, number] = value + (states - middle) @ row
        spread[number] = np.sqrt(max(float(row @ covariance @ row), 0.0))
    return said, spread
