"""Topics of a device's own: values in JSON or by themselves, commands with ids."""

from .plan import MqttPlan, Route
from .profile import MqttAddress, MqttSettings

__all__ = ["MqttAddress", "MqttPlan", "MqttSettings", "Route"]
