"""How an emulated device is paired with (Core Specification 5.4, vol 3 part H)."""

from __future__ import annotations

import os
import re

from bumble.att import Attribute
from bumble.pairing import PairingConfig, PairingDelegate

from testbed.errors import TestbedError
from testbed.protocols.gatt import GattSettings, Pairing

_OPEN = Attribute.Permissions.READABLE | Attribute.Permissions.WRITEABLE
_ENCRYPTED = Attribute.Permissions.READ_REQUIRES_ENCRYPTION | Attribute.Permissions.WRITE_REQUIRES_ENCRYPTION
_AUTHENTICATED = (
    Attribute.Permissions.READ_REQUIRES_AUTHENTICATION | Attribute.Permissions.WRITE_REQUIRES_AUTHENTICATION
)

PERMISSIONS = {
    Pairing.NONE: _OPEN,
    Pairing.JUST_WORKS: _OPEN | _ENCRYPTED,
    Pairing.PASSKEY: _OPEN | _ENCRYPTED | _AUTHENTICATED,
}
"""Who may read and write."""


class _Display(PairingDelegate):  # type: ignore[misc]
    """A device that shows always the same passkey, as on a label."""

    def __init__(self, passkey: int) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)
        self._passkey = passkey

    async def generate_passkey(self) -> int:
        """Return what it shows."""
        return self._passkey


def shown(settings: GattSettings) -> int:
    """Return the passkey that a device shows; raises TestbedError when the environment does not have it."""
    text = settings.passkey
    if text.startswith("$"):
        text = os.environ.get(text[2:-1], "")
    if not re.fullmatch(r"\d{6}", text):
        raise TestbedError(f"passkey: {settings.passkey} is not set to six digits")
    return int(text)


def pairing_config(pairing: Pairing, passkey: int) -> PairingConfig:
    """Return what a device asks for when a central pairs with it."""
    if pairing is Pairing.PASSKEY:
        return PairingConfig(mitm=True, delegate=_Display(passkey))
    return PairingConfig(mitm=False)
