"""How an emulated device is paired with (Core Specification 5.4, vol 3 part H)."""

from __future__ import annotations

from bumble.att import Attribute
from bumble.pairing import PairingConfig, PairingDelegate

from testbed.protocols.gatt import Pairing

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


def pairing_config(pairing: Pairing, passkey: int) -> PairingConfig:
    """Return what a device asks for when a central pairs with it."""
    if pairing is Pairing.PASSKEY:
        return PairingConfig(mitm=True, delegate=_Display(passkey))
    return PairingConfig(mitm=False)
