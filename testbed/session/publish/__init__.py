"""A run's samples at an MQTT broker, while they come."""

from .publisher import Publisher, publishing

__all__ = ["Publisher", "publishing"]
