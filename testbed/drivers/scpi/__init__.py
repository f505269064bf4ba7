"""The controller's side of SCPI instruments on a serial line."""

from .driver import ScpiDriver

__all__ = ["ScpiDriver"]
