"""Makes the controller that a bench file plans."""

from __future__ import annotations

from testbed.bench import ControllerPlan, OnOffPlan, RelayPlan, ScheduledPlan
from testbed.signals import Signal

from .base import Controller, Read
from .on_off import OnOff
from .pid import Pid
from .relay import Relay
from .scheduled import Scheduled


def make_controller(plan: ControllerPlan, actuator: Signal, read: Read) -> Controller:
    """Return a controller of an actuator; `read` gives it the other signals that it looks at."""
    if isinstance(plan, OnOffPlan):
        return OnOff(plan, actuator)
    if isinstance(plan, ScheduledPlan):
        return Scheduled(plan, actuator, read)
    if isinstance(plan, RelayPlan):
        return Relay(plan, actuator)
    return Pid(plan, actuator, read)
