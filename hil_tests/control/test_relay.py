"""The relay experiment finds how a device answers where it oscillates, and ends when it must not go on."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

import pytest

from testbed.bench import RelayPlan
from testbed.control.controllers import Relay
from testbed.control.tuning import RULES
from testbed.signals import Access, Signal

HEATER = Signal(0, "d", "u", "%", Access.WRITE, limits=(0, 100), safe=0.0)
DT = 0.05


class Process(NamedTuple):
    """First order with dead time: gain, lag and dead time in s; 20 without any output."""

    gain: float
    lag: float
    dead: float

    def ultimate(self) -> tuple[float, float]:
        """Return the gain and the period (s) at which it oscillates under proportional control."""
        low, high = 1e-3, 1e3
        for _ in range(200):
            omega = math.sqrt(low * high)
            lags = omega * (self.dead + DT / 2) + math.atan(
                omega * self.lag
            )  # half a step is lost by holding
            low, high = (low, omega) if lags > math.pi else (omega, high)
        return math.hypot(1.0, omega * self.lag) / self.gain, 2 * math.pi / omega

    def run(self, relay: Relay, setpoint: float, seconds: float, noise: float = 0.0) -> float:
        """Let the relay switch it until that is over; return for how long."""
        chance, value, kept = random.Random(1), 0.0, math.exp(-DT / self.lag)
        line = [0.0] * round(self.dead / DT)
        for step in range(round(seconds / DT)):
            line.append(relay.compute(setpoint, 20 + value + chance.gauss(0, noise), DT))
            value = kept * value + (1 - kept) * self.gain * line.pop(0)
            if relay.over:
                return step * DT
        return seconds


@pytest.mark.parametrize("process", [Process(0.8, 10, 2), Process(0.5, 5, 5), Process(-0.5, 20, 4)])
def test_gain_and_period_are_those_of_theory(process):
    relay = Relay(RelayPlan(0, 100, 10, hysteresis=0.0, reverse=process.gain < 0), HEATER)
    process.run(relay, 20 + 60 * process.gain, 1000)
    gain, period = process.ultimate()
    assert relay.response is not None
    assert relay.response.gain == pytest.approx(gain, rel=0.06)
    assert relay.response.period == pytest.approx(period, rel=0.06)
    assert relay.response.phase == pytest.approx(-180, abs=8)
    assert relay.response.centre == pytest.approx(60, abs=1)


def test_noise_does_not_switch_it_and_the_gain_errs_on_the_safe_side():
    relay, process = Relay(RelayPlan(0, 100, 10), HEATER), Process(0.8, 10, 2)
    process.run(relay, 68.0, 1000, noise=0.1)
    gain, period = process.ultimate()
    assert 0.2 < relay.hysteresis < 0.6
    assert relay.response is not None
    assert 0.7 * gain < relay.response.gain < gain
    assert period < relay.response.period < 1.3 * period


def test_it_ends_when_what_is_measured_leaves_its_limits_and_the_output_rests():
    relay = Relay(RelayPlan(0, 100, 10, most=60.0), HEATER)
    Process(0.8, 10, 2).run(relay, 59.0, 1000)
    assert relay.failure.startswith("60.")
    assert "beyond 60, the limit" in relay.failure
    assert relay.compute(59.0, 50.0, DT) == 0.0


def test_a_setpoint_that_cannot_be_reached_gives_no_answer():
    relay = Relay(RelayPlan(0, 100, 10), HEATER)
    assert Process(0.8, 10, 2).run(relay, 150.0, 200) == 200
    assert relay.response is None


def test_after_a_pause_it_begins_anew():
    relay, process = Relay(RelayPlan(0, 100, 10), HEATER), Process(0.8, 10, 2)
    process.run(relay, 68.0, 30)
    relay.reset(0.0)
    process.run(relay, 68.0, 1000)
    assert relay.response is not None
    assert relay.response.gain == pytest.approx(process.ultimate()[0], rel=0.06)


def test_rules_give_gains_in_the_parallel_form_of_bench_files():
    gains = RULES["ziegler-nichols PID"].gains(10.0, 8.0)
    assert gains == pytest.approx((6.0, 1.5, 6.0))  # kp, kp / (Tu / 2), kp * Tu / 8
    assert RULES["tyreus-luyben PI"].gains(-10.0, 8.0).ki < 0
