"""Step responses of our controllers beside those that python-control reckons for the same loop."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import control
import numpy as np
import pytest

from testbed.bench import LqrPlan, PidPlan
from testbed.control.controllers import Pid
from testbed.signals import Access, Signal

from .beside import Beside

DT, SECONDS = 0.1, 60.0
GAIN, LAG, DEAD = 0.8, 10.0, 1.0  # of the process: its unit per %, s, s
FREE = Signal(0, "d", "u", "%", Access.WRITE)  # without limits: theory has none


class Figures(NamedTuple):
    """What a step response comes to; times in s, overshoot in %."""

    rise: float
    overshoot: float
    settling: float
    itae: float


def figures(times: np.ndarray, response: np.ndarray) -> Figures:
    """Return the figures of a response to a step of 1."""
    info = control.step_info(response, timepts=times, yfinal=1.0)
    itae = float(np.sum(times * np.abs(1.0 - response)) * DT)
    return Figures(info["RiseTime"], info["Overshoot"], info["SettlingTime"], itae)


def process() -> control.TransferFunction:
    """Return the process as the loop sees it: held between samples, and late."""
    lagging = control.c2d(control.tf([GAIN], [LAG, 1.0]), DT, "zoh")
    return lagging * control.tf([1.0], [1.0] + [0.0] * round(DEAD / DT), DT)


def ours(plan: PidPlan, setpoint: float, load: float) -> np.ndarray:
    """Return what is measured while a setpoint is held and a load comes to the output."""
    pid, value, kept = Pid(plan, FREE), 0.0, math.exp(-DT / LAG)
    line, measured = [0.0] * round(DEAD / DT), []
    pid.compute(0.0, 0.0, DT)
    for _ in range(round(SECONDS / DT) + 1):
        measured.append(value)
        line.append(pid.compute(setpoint, value, DT) + load)
        value = kept * value + (1 - kept) * GAIN * line.pop(0)
    return np.array(measured)


def theirs(plan: PidPlan) -> tuple[control.TransferFunction, control.TransferFunction]:
    """Return the closed loop from setpoint and from load: PI on the error, D on what is measured."""
    z = control.tf([1.0, 0.0], [1.0], DT)
    error = plan.kp + plan.ki * DT * z / (z - 1)
    rate = plan.kd * (z - 1) / ((plan.filter + DT) * z - plan.filter)
    plant, back = process(), error + rate
    around = control.minreal(1 / (1 + plant * back), verbose=False)
    return plant * error * around, plant * around


PLANS = {
    "P": PidPlan(kp=2.0),
    "PI": PidPlan(kp=4.0, ki=0.5),
    "PID": PidPlan(kp=6.0, ki=0.8, kd=3.0),
    "PID with a filter": PidPlan(kp=6.0, ki=0.8, kd=3.0, filter=0.3),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_step_of_the_setpoint_and_of_the_load_is_answered_as_python_control_says(name):
    plan = PLANS[name]
    times = np.arange(round(SECONDS / DT) + 1) * DT
    for closed, setpoint, load in zip(theirs(plan), (1.0, 0.0), (0.0, 1.0), strict=True):
        _, reference = control.step_response(closed, times)
        np.testing.assert_allclose(ours(plan, setpoint, load), reference, atol=1e-6)


@pytest.mark.parametrize("name", ["PI", "PID", "PID with a filter"])
def test_rise_overshoot_settling_and_itae_are_those_of_the_reference(name):
    times = np.arange(round(SECONDS / DT) + 1) * DT
    _, reference = control.step_response(theirs(PLANS[name])[0], times)
    assert figures(times, ours(PLANS[name], 1.0, 0.0)) == pytest.approx(figures(times, reference), rel=1e-4)


def test_the_derivative_damps_and_a_lower_setpoint_weight_overshoots_less():
    times = np.arange(round(SECONDS / DT) + 1) * DT
    bare = PidPlan(kp=6.0, ki=0.8)
    plain, damped, weighted = (
        figures(times, ours(plan, 1.0, 0.0))
        for plan in (bare, replace(bare, kd=3.0), replace(bare, setpoint_weight=0.4))
    )
    assert damped.overshoot < plain.overshoot
    assert weighted.overshoot < plain.overshoot


def test_an_lqr_closes_the_loop_as_python_control_says():
    """Around its target the twin's device goes as the closed loop a - b k."""
    beside = Beside(
        "mass-spring-damper", "position", "force",
        lambda signal: LqrPlan("d", signal, error=0.01, effort=2.0, integral=1e3, period=0.01),
        dt=0.01, limits=(-1e3, 1e3),
    )  # fmt: skip
    linear = beside.device.linearise((0.0, 0.0), (0.0,), 0.01)
    gain, _, _ = control.dlqr(linear.a, linear.b, linear.c[:1].T @ linear.c[:1] / 0.01**2, [[1 / 2.0**2]])
    beside.run(0.1, 3.0)
    closed = linear.a - linear.b @ gain
    states = [np.array([-0.1, 0.0])]
    for _ in range(len(beside.said) - 1):
        states.append(closed @ states[-1])
    reference = 0.1 + np.array([state[0] for state in states])
    truth = np.array([said[0] for said in beside.said])
    np.testing.assert_allclose(truth, reference, atol=0.003)
    times = np.arange(len(truth)) * 0.01
    assert control.step_info(truth, timepts=times)["SettlingTime"] == pytest.approx(
        control.step_info(reference, timepts=times)["SettlingTime"], rel=0.1
    )
