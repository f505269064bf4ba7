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
from .by_model import ByModel, Floats, Target
from .lqr import regulator

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
        self._mpc = plan
        self._steps = plan.steps
        self._slew = math.inf if actuator.slew is None else actuator.slew
        self._solver: Any = None

    def design(self, linear: Linear) -> None:
        """Set the solver up: everything but where the state is."""
        a, b, c, steps = linear.a, linear.b[:, self.input], linear.c[self.read], self._steps
        error, effort = self.weights
        to_go, self.gain = regulator(a, b, c, error, effort)
        self._free, self._forced = courses(a, b, steps)
        costs = [error * np.outer(c, c)] * (steps - 1) + [to_go]
        weighed = np.stack([cost @ forced for cost, forced in zip(costs, self._forced, strict=True)])
        square = np.einsum("kni,knj->ij", self._forced, weighed) + effort * np.eye(steps)
        self._pull = np.einsum("kni,knm->im", weighed, self._free)  # what a state adds to the linear cost
        self._bounded = [(self.number_of(each.signal), each) for each in self._mpc.bounds]
        self._rows = np.vstack(
            [linear.c[number] @ self._forced for number, _ in self._bounded] or [np.empty((0, steps))]
        )
        self._columns = [linear.c[number] @ self._free for number, _ in self._bounded]
        limits, changes = np.eye(steps), np.eye(steps) - np.eye(steps, k=-1)
        matrix = np.vstack([limits, changes, self._rows])
        slack = np.zeros((len(matrix) + 1, 1))
        slack[-1] = 1.0
        cost = np.zeros((steps + 1, steps + 1))
        cost[:steps, :steps], cost[steps, steps] = square, error * _BREACH
        above = np.hstack([np.vstack([matrix, np.zeros((1, steps))]), slack])
        above[2 * steps : -1, steps] = -1.0
        below = np.hstack([self._rows, np.ones((len(self._rows), 1))])
        whole = sparse.csc_matrix(np.vstack([above, below]))
        self._solver = osqp.OSQP()
        far = np.full(whole.shape[0], _FAR)
        self._solver.setup(
            sparse.csc_matrix(np.triu(cost)), np.zeros(steps + 1), whole, -far, far,
            verbose=False, eps_abs=1e-6, eps_rel=1e-6, max_iter=4000, warm_starting=False,
            adaptive_rho_interval=50, time_limit=1e10,
        )  # fmt: skip

    def feedback(self, off: Floats, target: Target, dt: float) -> float:
        """Return the first of the best outputs, less the target's."""
        lower, upper = self._bounds(off, target, dt)
        linear = np.append(self._pull @ off, 0.0)
        self._solver.update(q=linear, l=lower, u=upper)
        found = self._solver.solve(raise_error=False)
        if found.info.status_val == _SOLVED:
            return float(found.x[0])
        self.trouble = f"no best course is found ({found.info.status}); it acts as an LQR meanwhile"
        return -float(self.gain @ off)

    def _bounds(self, off: Floats, target: Target, dt: float) -> tuple[Floats, Floats]:
        steps = self._steps
        ends = sorted(self.scale.to_model(each) for each in (self.reach.low, self.reach.high))
        low, high = (np.full(steps, each - target.output) for each in ends)
        slew = abs(self.scale.factor) * self._slew * self.plan.period
        slow, fast = np.full(steps, -slew), np.full(steps, slew)
        now = self.scale.to_model(self.reach.output) - target.output
        first = abs(self.scale.factor) * self._slew * dt
        slow[0], fast[0] = (-math.inf, math.inf) if math.isnan(now) else (now - first, now + first)
        above, below = self._outputs(off, target)
        lower = np.concatenate([low, slow, np.full(len(above), -math.inf), [0.0], below])
        upper = np.concatenate([high, fast, above, [math.inf], np.full(len(below), math.inf)])
        return np.clip(lower, -_FAR, _FAR), np.clip(upper, -_FAR, _FAR)

    def _outputs(self, off: Floats, target: Target) -> tuple[Floats, Floats]:
        """Return by how much bounded outputs may go above and below what they would do by themselves."""
        above: list[Floats] = []
        below: list[Floats] = []
        rest = self.outputs_at(target)
        for (number, bound), column in zip(self._bounded, self._columns, strict=True):
            alone = rest[number] + column @ off
            low, high = self.bounds_of(bound)
            above.append(high - alone)
            below.append(low - alone)
        empty = [np.empty(0)]
        return np.concatenate(above or empty), np.concatenate(below or empty)


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
