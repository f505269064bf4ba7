"""Where a model rests with its output at the setpoint: what it takes to hold a device there."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.twin.models import Linear

from .through import Floats, Through

_MOVED = 0.02  # share by which the point may have moved before it is linearised anew
_NOTHING = 1e-9  # what is less follows from rounding
_FIRST_STEPS = 12  # of Newton's method to a new point; later the last one is near


class Target(NamedTuple):
    """Where the model rests, and how it moves around there.

    `state` and `written` (the input) are what it rests at, in the model's units; `rise` is by how much the
    input rises for each unit of the output. `steered` says which states have a part in that, (n,): a clock
    cannot be moved, and what a meter has counted moves nothing. `linear` is of those alone.
    """

    state: Floats
    written: float
    linear: Linear
    steered: NDArray[np.bool_]
    rise: float = 1.0


class RestPoint:
    """Follows the rest point of a twin's model by Newton's method, from setpoint to setpoint."""

    def __init__(self, through: Through, period: float) -> None:
        """`period` is the step in s by which the model is looked at."""
        self._through = through
        self._period = period
        self._target: Target | None = None
        self._designed: tuple[float, ...] = ()
        self.renewed = False
        """Whether it was linearised anew for the last setpoint."""

    def find(self, setpoint: float, offset: float = 0.0, beyond: Floats | None = None) -> Target:
        """Return where the model rests with what is read at `setpoint`, in the unit of its signal.

        `offset` is how far what is read lies beyond the model's output, and `beyond` how far the state goes,
        in each period, beyond what the model says; in the model's units. Raises LinAlgError where it does not
        rest.
        """
        through = self._through
        wanted = through.reads.to_model(setpoint) - offset
        missed = np.zeros(through.own) if beyond is None else beyond
        others = (*through.inputs[: through.input], *through.inputs[through.input + 1 :])
        point = tuple(float(each) for each in (setpoint, *others, *through.parameters))
        self.renewed = self._target is None or _moved(point, self._designed)
        if self._target is None or self.renewed:
            self._target = self._first()
            self._designed = point
        target, self._target = self._target, None  # none is kept if it cannot be found
        target = target._replace(state=np.where(target.steered, target.state, through.state))
        for _ in range(_FIRST_STEPS if self.renewed else 1):
            target = self._nearer(target, wanted, missed)
        if self.renewed:
            target = self._linearised(target)
        self._target = target
        return target

    def _first(self) -> Target:
        through = self._through
        state, written = through.state, through.inputs[through.input]
        linear = through.linearise(state, written, self._period)
        steered = _steered(linear, through.input, through.output)
        return Target(state, written, _part(linear, steered), steered)

    def _linearised(self, target: Target) -> Target:
        linear = self._through.linearise(target.state, target.written, self._period)
        return target._replace(linear=_part(linear, target.steered))

    def _nearer(self, target: Target, wanted: float, missed: Floats) -> Target:
        """Return the target moved by what is still unbalanced."""
        through, own = self._through, int(target.steered.sum())
        linear = self._linearised(target).linear if self.renewed else target.linear
        later = through.step(target.state, target.written, self._period) + missed
        drift = (later - target.state)[target.steered]
        lacking = wanted - through.outputs(target.state, target.written)[through.output]
        jacobian = np.empty((own + 1, own + 1))
        jacobian[:own, :own] = linear.a - np.eye(own)
        jacobian[:own, own] = linear.b[:, through.input]
        jacobian[own, :own] = linear.c[through.output]
        jacobian[own, own] = linear.d[through.output, through.input]
        unbalanced = np.column_stack([np.append(-drift, lacking), np.append(np.zeros(own), 1.0)])
        move, rise = np.linalg.solve(jacobian, unbalanced).T
        state, written = target.state.copy(), target.written + float(move[own])
        state[target.steered] += move[:own]
        if not (np.isfinite(state).all() and math.isfinite(written)):
            raise np.linalg.LinAlgError
        return Target(state, written, linear, target.steered, float(rise[own]))


def _steered(linear: Linear, written: int, read: int) -> NDArray[np.bool_]:
    """Return which states the input or another state moves, and which move another state or the output."""
    changes = np.abs(linear.a - np.eye(len(linear.a))) > _NOTHING
    moved = changes.any(axis=1) | (np.abs(linear.b[:, written]) > _NOTHING)
    felt = changes.any(axis=0) | (np.abs(linear.c[read]) > _NOTHING)
    found: NDArray[np.bool_] = moved & felt
    return found


def _part(linear: Linear, steered: NDArray[np.bool_]) -> Linear:
    return Linear(linear.a[np.ix_(steered, steered)], linear.b[steered], linear.c[:, steered], linear.d)


def _moved(point: tuple[float, ...], before: tuple[float, ...]) -> bool:
    """Return whether any number has moved so far that the model moves otherwise there."""
    return len(point) != len(before) or any(
        abs(now - then) > _MOVED * max(1.0, abs(then)) for now, then in zip(point, before, strict=True)
    )
