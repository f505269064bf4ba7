"""What goes wrong, in BlueZ's words: clients read them back into ATT errors.

BlueZ 5.66, src/gatt-client.c (create_gatt_dbus_error) and src/error.c.
"""

from __future__ import annotations

from bumble.att import ATT_Error
from dbus_fast import Message

_ATT = {
    0x02: ("NotPermitted", "Read not permitted"),
    0x03: ("NotPermitted", "Write not permitted"),
    0x06: ("NotSupported", "Operation is not supported"),
    0x07: ("InvalidArguments", "Invalid offset"),
    0x08: ("NotAuthorized", "Operation Not Authorized"),
    0x0D: ("InvalidArguments", "Invalid Length"),
}
_UNPAIRED = (0x05, 0x0C, 0x0F)  # insufficient authentication, key size, encryption


class BusError(Exception):
    """An error reply: its D-Bus name and its text."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name
        self.text = text


def bluez(error: str, text: str) -> BusError:
    """Return an error of BlueZ's own."""
    return BusError(f"org.bluez.Error.{error}", text)


def not_connected() -> BusError:
    """Return what BlueZ says when a device is asked that is not, or no longer, connected."""
    return bluez("Failed", "Not connected")


def unknown_object(call: Message) -> BusError:
    """Return what a D-Bus service says about an object, interface or method that it lacks."""
    return BusError(
        "org.freedesktop.DBus.Error.UnknownObject",
        f'Method "{call.member}" with signature "{call.signature}" on interface "{call.interface}" '
        f"doesn't exist at {call.path}",
    )


def from_att(error: ATT_Error) -> BusError:
    """Return an ATT error as BlueZ tells it."""
    code = int(error.error_code)
    if code in _UNPAIRED:
        return bluez("NotPermitted", "Not paired")
    if code in _ATT:
        return bluez(*_ATT[code])
    return bluez("Failed", f"Operation failed with ATT error: 0x{code:02x}")
