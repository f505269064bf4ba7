"""The controller's side of the framed telemetry and commands that testbed.protocols.cobs defines."""

from .driver import CobsDriver

__all__ = ["CobsDriver"]
