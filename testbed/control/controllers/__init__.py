"""Controllers: a setpoint and a measurement to an output that the actuator can follow, one kind a file."""

from .base import Controller, GetTwin, Read
from .making import make_controller
from .on_off import OnOff
from .pid import Pid
from .relay import Relay
from .scheduled import Scheduled

__all__ = ["Controller", "GetTwin", "OnOff", "Pid", "Read", "Relay", "Scheduled", "make_controller"]
