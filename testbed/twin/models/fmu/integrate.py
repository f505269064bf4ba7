"""Integrates a model exchange FMU: fixed steps, and events where they happen.

The classic Runge-Kutta method of order four. An event indicator that changes sign within a step is followed
by bisection to the end of its change (FMI 3.0 specification, section 3.1.1: z > 0 or z <= 0); the time of a
time event is known before, and a step ends there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archive import Kind
from .failure import FmuFailed
from .instance import Instance

_HALVINGS = 40  # of a step, to where an event is
_STEPS = 1_000_000  # in one call, after which nobody waits for it
_EVENTS = 1000  # in one call, after which it does not come to an end

Floats = NDArray[np.float64]


class Integrator:
    """Steps the continuous states of an instance; both are left in continuous time at the step's end."""

    def __init__(self, instance: Instance, states: int, longest: float) -> None:
        assert instance.archive.kind is Kind.EXCHANGE  # noqa: S101
        self.instance = instance
        self.longest = longest
        fmu, described = instance.fmu, instance.archive.description
        indicators = (
            described.numberOfEventIndicators if instance.version == 2 else fmu.getNumberOfEventIndicators()
        )
        can = described.modelExchange
        self._tells_steps = (
            not can.completedIntegratorStepNotNeeded
            if instance.version == 2
            else can.needsCompletedIntegratorStep
        )
        self._states, self._indicators = states, indicators
        self._x, self._dx, self._z = np.zeros(states), np.zeros(states), np.zeros(indicators)
        self._x_at, self._dx_at, self._z_at = (_pointer(each) for each in (self._x, self._dx, self._z))
        self._derive = fmu.getDerivatives if instance.version == 2 else fmu.getContinuousStateDerivatives

    def read_states(self) -> Floats:
        """Return the continuous states as the FMU has them."""
        if self._states:
            with self.instance.calling("tell its states"):
                self.instance.fmu.getContinuousStates(self._x_at, self._states)
        return self._x.copy()

    def set(self, time: float, states: Floats) -> None:
        """Put the FMU to a time and continuous states."""
        fmu = self.instance.fmu
        try:
            fmu.setTime(time)
            if self._states:
                self._x[:] = states
                fmu.setContinuousStates(self._x_at, self._states)
        except Exception as error:
            raise self.instance.failed(f"take its states at {time:g} s", error) from error

    def event(self) -> None:
        """Let the FMU handle an event where it is."""
        with self.instance.calling("handle an event"):
            self.instance.fmu.enterEventMode()
            self.instance.settle()

    def advance(self, time: float, seconds: float, states: Floats) -> Floats:
        """Return the continuous states `seconds` later; the FMU is to be at `states` and `time`."""
        instance, end, events = self.instance, time + seconds, 0
        if seconds > _STEPS * self.longest:
            raise FmuFailed(
                f"{instance.archive.name}: {seconds:g} s are more than {_STEPS} steps of {self.longest:g} s",
                "ask for less at once, or let longer steps be taken",
            )
        near = 1e-12 * max(1.0, abs(end))
        signs = self._signs()
        while end - time > near:
            planned = instance.next_event
            count = max(1, math.ceil((min(end, planned) - time) / self.longest - 1e-9))
            dt = max(min(end, planned) - time, 0.0) / count
            later, dt, crossed = self._to_event(time, states, dt, signs)
            time = end if end - (time + dt) <= near else time + dt
            self.set(time, later)
            if self._completed() or crossed or planned - time <= near:
                events += 1
                if events > _EVENTS:
                    raise FmuFailed(f"{instance.archive.name}: {_EVENTS} events up to {time:g} s, and no end")
                self.event()
                later = self.read_states()
            states, signs = later, self._signs()
        if not np.isfinite(states).all():
            raise FmuFailed(
                f"{instance.archive.name}: its states are no longer finite at {time:g} s",
                f"take a step shorter than {self.longest:g} s, or kind: co-simulation",
            )
        return states

    def _to_event(
        self, time: float, states: Floats, dt: float, signs: NDArray[np.bool_]
    ) -> tuple[Floats, float, bool]:
        """Step to just behind the first event at most; return states, time, and whether there is one."""
        later = self._runge_kutta(time, states, dt)
        if not self._indicators or not dt:
            return later, dt, False
        self.set(time + dt, later)
        if np.array_equal(self._signs(), signs):
            return later, dt, False
        low, high = 0.0, dt
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            tried = self._runge_kutta(time, states, middle)
            self.set(time + middle, tried)
            if np.array_equal(self._signs(), signs):
                low = middle
            else:
                high, later = middle, tried
        return later, high, True

    def _runge_kutta(self, time: float, states: Floats, dt: float) -> Floats:
        if not self._states:
            return states
        first = self._rates(time, states)
        second = self._rates(time + dt / 2, states + dt / 2 * first)
        third = self._rates(time + dt / 2, states + dt / 2 * second)
        fourth = self._rates(time + dt, states + dt * third)
        moved: Floats = states + dt / 6 * (first + 2 * (second + third) + fourth)
        return moved

    def _rates(self, time: float, states: Floats) -> Floats:
        self.set(time, states)
        try:
            self._derive(self._dx_at, self._states)
        except Exception as error:
            raise self.instance.failed(f"tell its rates at {time:g} s", error) from error
        return self._dx.copy()

    def _signs(self) -> NDArray[np.bool_]:
        if self._indicators:
            with self.instance.calling("tell its event indicators"):
                self.instance.fmu.getEventIndicators(self._z_at, self._indicators)
        return self._z > 0

    def _completed(self) -> bool:
        if not self._tells_steps:
            return False
        with self.instance.calling("complete a step"):
            event, ends = self.instance.fmu.completedIntegratorStep(False)
        if ends:
            raise self.instance.failed("go on", RuntimeError("it asks to end the simulation"))
        return bool(event)


def _pointer(numbers: Floats) -> Any:
    import ctypes

    return numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
