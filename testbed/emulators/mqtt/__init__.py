"""Devices with topics of their own, each a client of one broker."""

from .device import MqttDevice
from .serve import BROKER_PLUG, serve

__all__ = ["BROKER_PLUG", "MqttDevice", "serve"]
