"""What may change about a device, as the bench file lists it."""

from __future__ import annotations

from testbed.bench import LearnPlan
from testbed.twin.estimate import Free
from testbed.twin.models import Variable
from testbed.twin.wiring import Wiring

_SHARE = 0.3  # of its usual value, by which a parameter may come to differ where the model does not say
_BIAS = 20.0  # times its noise, by which a sensor may come to read wrong
_DRIFT = 0.2  # times its noise, per square root of a second: a sensor's error goes on growing
_CREEP = 0.02  # of its spread, per square root of a second: so does what wears


def suspects(wiring: Wiring, plan: LearnPlan) -> tuple[Free, ...]:
    """Return what may have changed: parameters of the model, and sensors."""
    model = wiring.model
    names = [variable.name for variable in model.PARAMETERS]
    found = []
    for name in plan.parameters:
        at = names.index(name)
        spread = _spread(model.PARAMETERS[at], model.parameters[at])
        found.append(Free(name, False, at, spread, _CREEP * spread))
    for number, sensor in enumerate(wiring.spec.sensors):
        if sensor.signal.path in plan.sensors:
            noise = wiring.noises[number]
            found.append(Free(sensor.signal.path, True, number, _BIAS * noise, _DRIFT * noise))
    return tuple(found)


def _spread(variable: Variable, value: float) -> float:
    return variable.noise or _SHARE * (abs(value) or 1.0)
