"""The driver of devices with topics of their own at an MQTT broker."""

from .driver import MqttDriver

__all__ = ["MqttDriver"]
