"""The driver of devices that send lines of text unasked."""

from .driver import TextDriver

__all__ = ["TextDriver"]
