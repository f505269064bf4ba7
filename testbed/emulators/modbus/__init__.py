"""Modbus devices on TCP and on serial lines, answering from their stores through their profiles.

Each device has a server of its own; those that the bench has at one wire, each with its unit, answer at
one socket or port. A request to another unit is not answered on a serial line, and gets the gateway's
exception 0x0B on TCP. What the wire writes goes to the store as a command.
"""

from .answering import make_server
from .serve import serve

__all__ = ["make_server", "serve"]
