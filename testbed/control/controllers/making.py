"""Makes the controller that a bench file plans."""

from __future__ import annotations

from testbed.bench import ControllerPlan, LqrPlan, MpcPlan, OnOffPlan, RelayPlan, ScheduledPlan
from testbed.errors import UsageError
from testbed.signals import Signal

from .ahead import make_ahead
from .base import Controller, GetTwin, Read
from .on_off import OnOff
from .pid import Pid
from .relay import Relay
from .scheduled import Scheduled


def make_controller(plan: ControllerPlan, actuator: Signal, read: Read, twin: GetTwin) -> Controller:
    """Return a controller of an actuator; `read` and `twin` give it what else it looks at."""
    if isinstance(plan, MpcPlan):
        try:
            from .mpc import Mpc
        except ModuleNotFoundError as error:
            lack = f"model-predictive control needs {error.name}, which is not installed"
            raise UsageError(lack, "pip install 'hil-testbed[mpc]'") from None
        return Mpc(plan, actuator, twin)
    if isinstance(plan, LqrPlan):
        from .lqr import Lqr

        return Lqr(plan, actuator, twin)
    if isinstance(plan, OnOffPlan):
        return OnOff(plan, actuator)
    if isinstance(plan, ScheduledPlan):
        return Scheduled(plan, actuator, read, make_ahead(plan.points[0][1], actuator, read, twin))
    if isinstance(plan, RelayPlan):
        return Relay(plan, actuator)
    return Pid(plan, actuator, make_ahead(plan, actuator, read, twin))
