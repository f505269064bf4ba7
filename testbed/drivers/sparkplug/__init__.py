"""The driver of Sparkplug B edge nodes and their devices: a host application."""

from .driver import SparkplugDriver

__all__ = ["SparkplugDriver"]
