"""What one cycle of each controller costs, from a measurement to an output."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from hil_tests.control.beside import Beside
from testbed.bench import ControllerPlan, LqrPlan, MpcPlan, OnOffPlan, PidPlan
from testbed.signals import Signal

from .table import Row, print_table

_US = 1e6
_DT, _STEPS = 0.1, 50
_OTHERS = {"fan_speed": 1500.0, "vent_position": 20.0}


def measure(quick: bool = False) -> list[Row]:
    count = 100 if quick else 1000
    pid = _cycle(count, lambda signal: PidPlan(kp=20.0, ki=1.2, kd=5.0, filter=0.3))
    on_off = _cycle(count, lambda signal: OnOffPlan(on=80.0, off=0.0, hysteresis=1.0))
    lqr = _cycle(count, lambda signal: LqrPlan("d", signal, 1.0, 20.0, 5.0, _DT))
    mpc, alone = _mpc(count)
    return [
        Row("a cycle of a PID", pid, "us", "written by hand", _by_hand(count)),
        Row("a cycle of an on-off controller", on_off, "us"),
        Row("a cycle of an LQR on the thermal model", lqr, "us", target="at most 500", ok=lqr <= 500),
        Row(f"a cycle of an MPC, {_STEPS} steps", mpc, "us", "its solver alone", alone),
    ]


def _beside(plan: Callable[[Signal], ControllerPlan]) -> Beside:
    """Return a chamber that is held near its setpoint."""
    start = {"air": 60.0, "load": 60.0}
    return Beside(
        "thermal", "air", "heater_duty", plan, others=_OTHERS, start=start, noise=0.02, slew=100.0
    ).run(60.0, 5.0)


def _cycle(count: int, plan: Callable[[Signal], ControllerPlan]) -> float:
    beside, spent = _beside(plan), list[float]()
    compute = beside.controller.compute

    def timed(setpoint: float, measured: float, dt: float) -> float:
        begun = time.perf_counter()
        output = compute(setpoint, measured, dt)
        spent.append(time.perf_counter() - begun)
        return output

    beside.controller.compute = timed  # type: ignore[method-assign]
    beside.run(60.0, count * _DT)
    return statistics.median(spent) * _US


def _mpc(count: int) -> tuple[float, float]:
    """Return the cost of a cycle, and of what OSQP itself says that it needs of it."""
    from testbed.control.controllers.mpc import Mpc

    def plan(signal: Signal) -> MpcPlan:
        return MpcPlan("d", signal, 1.0, 20.0, 5.0, _DT, _STEPS)

    controller = _beside(plan).controller
    assert isinstance(controller, Mpc)
    solver, spent = controller._solver, list[float]()
    for _ in range(count):
        spent.append(solver.solve(raise_error=False).info.run_time)
    return _cycle(count, plan), statistics.median(spent) * _US


def _by_hand(count: int) -> float:
    integral, before, output = 0.0, 60.0, 0.0
    spent: list[float] = []
    for number in range(count):
        measured = 60.0 + number % 7 * 0.01
        begun = time.perf_counter()
        error = 60.0 - measured
        integral += 1.2 * error * _DT
        output = min(max(20.0 * error + integral - 5.0 * (measured - before) / _DT, 0.0), 100.0)
        before = measured
        spent.append(time.perf_counter() - begun)
    assert output >= 0.0
    return statistics.median(spent) * _US


if __name__ == "__main__":
    print_table(measure())
