"""Model-predictive control on the model of a twin: the best course that keeps to every limit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import osqp
from scipy import sparse

from testbed.bench import MpcPlan
from testbed.signals import Signal
from testbed.twin.models import Linear

from .base import GetTwin
from .by_model import ByModel
from .lqr import regulator
from .rest_point import Target
from .through import Floats, Through

_SOLVED = 1  # the status that OSQP gives a solution
_FAR = 1e30  # OSQP takes this for no bound
_BREACH = 1e6  # what a unit outside the bounds of an output costs, for a unit of error squared


class Mpc(ByModel):
    """Reckons, in every cycle, the best outputs over a horizon, and gives the first of them.

    What is best is as for the LQR, whose cost to go stands at the end of the horizon: without a limit in
    the way both are the same. The output's limits and slew are kept, the bounds of measured quantities as
    nearly as that allows. The solver is OSQP (Stellato et al., Mathematical Programming Computation 12
    (2020)), set so that its steps do not depend on how long they take.
    """

    def __init__(self, plan: MpcPlan, actuator: Signal, twin: GetTwin) -> None:
        super().__init__(plan, actuator, twin)
        self._steps = plan.steps
        self._bounds = plan.bounds
        self._slew = math.inf if actuator.slew is None else actuator.slew
        self._solver: Any = None

    def design(self, through: Through, linear: Linear) -> None:
        """Set the solver up: everything but where the state is."""
        a, b, c, steps = linear.a, linear.b[:, through.input], linear.c[through.output], self._steps
        error, effort = self.weights(through)
        to_go, self.gain = regulator(a, b, c, error, effort)
        free, forced = courses(a, b, steps)
        costs = [error * np.outer(c, c)] * (steps - 1) + [to_go]
        weighed = np.stack([cost @ each for cost, each in zip(costs, forced, strict=True)])
        square = np.einsum("kni,knj->ij", forced, weighed) + effort * np.eye(steps)
        self._pull = np.einsum("kni,knm->im", weighed, free)  # what a state adds to the linear cost
        rows = [linear.c[through.measured_by(each.signal)] for each in self._bounds]
        self._alone = [row @ free for row in rows]
        bounded = np.vstack([row @ forced for row in rows]) if rows else np.empty((0, steps))
        self._set_up(square, bounded, error * _BREACH)

    def _set_up(self, square: Floats, bounded: Floats, breach: float) -> None:
        """Give the solver the outputs of all steps and one slack, by which every bound may be left.

        Its rows: limits, changes, what is not above its bound, the slack itself, what is not below.
        """
        steps, count = self._steps, len(bounded)
        changes = np.eye(steps) - np.eye(steps, k=-1)
        matrix = np.vstack([np.eye(steps), changes, bounded, np.zeros((1, steps)), bounded])
        slack = np.concatenate([np.zeros(2 * steps), np.full(count, -1.0), [1.0], np.ones(count)])
        cost = np.zeros((steps + 1, steps + 1))
        cost[:steps, :steps], cost[steps, steps] = square, breach
        self._solver, far = osqp.OSQP(), np.full(len(matrix), _FAR)
        self._solver.setup(
            sparse.csc_matrix(np.triu(cost)), np.zeros(steps + 1),
            sparse.csc_matrix(np.column_stack([matrix, slack])), -far, far,
            verbose=False, eps_abs=1e-6, eps_rel=1e-6, max_iter=4000, warm_starting=False,
            adaptive_rho_interval=50, time_limit=1e10,
        )  # fmt: skip

    def feedback(self, through: Through, off: Floats, target: Target, dt: float) -> float:
        """Return the first of the best outputs, less the target's."""
        low, high = self._outputs(through, target, dt)
        below, above = self._measured(through, off, target)
        anything = np.full(len(above), math.inf)
        lower = np.concatenate([low, -anything, [0.0], below])
        upper = np.concatenate([high, above, [math.inf], anything])
        self._solver.update(
            q=np.append(self._pull @ off, 0.0), l=np.clip(lower, -_FAR, _FAR), u=np.clip(upper, -_FAR, _FAR)
        )
        found = self._solver.solve(raise_error=False)
        if found.info.status_val == _SOLVED:
            return float(found.x[0])
        self.trouble = f"no best course is found ({found.info.status}); it acts as an LQR meanwhile"
        return -float(self.gain @ off)

    def _outputs(self, through: Through, target: Target, dt: float) -> tuple[Floats, Floats]:
        """Return the lowest and highest of each output, less the target's, and of each change."""
        scale, steps = through.writes, self._steps
        ends = sorted(scale.to_model(each) for each in (self.reach.low, self.reach.high))
        limits = [np.full(steps, each - target.written) for each in ends]
        slew = abs(scale.factor) * self._slew
        changes = [np.full(steps, way * slew * self.plan.period) for way in (-1, 1)]
        now = scale.to_model(self.reach.output) - target.written
        for change, way in zip(changes, (-1, 1), strict=True):
            change[0] = way * math.inf if math.isnan(now) else now + way * slew * dt
        low, high = (np.concatenate(each) for each in zip(limits, changes, strict=True))
        return low, high

    def _measured(self, through: Through, off: Floats, target: Target) -> tuple[Floats, Floats]:
        """Return how far bounded quantities may go from what they would do by themselves."""
        rest = through.outputs(target.state, target.written)
        ends: list[list[Floats]] = [[np.empty(0)], [np.empty(0)]]
        for bound, alone in zip(self._bounds, self._alone, strict=True):
            would = rest[through.measured_by(bound.signal)] + alone @ off
            for each, limit in zip(ends, through.in_model(bound.signal, bound.low, bound.high), strict=True):
                each.append(limit - would)
        return np.concatenate(ends[0]), np.concatenate(ends[1])


def courses(a: Floats, b: Floats, steps: int) -> tuple[Floats, Floats]:
    """Return how the state after 1, 2, ... `steps` steps follows the one now, and each input on the way.

    Shapes: (steps, n, n) and (steps, n, steps).
    """
    count = len(a)
    free, forced = np.empty((steps, count, count)), np.zeros((steps, count, steps))
    power = np.eye(count)
    for step in range(steps):
        forced[step, :, step] = b
        if step:
            forced[step, :, :step] = a @ forced[step - 1, :, :step]
        power = a @ power
        free[step] = power
    return free, forced
