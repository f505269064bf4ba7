"""Pairing by a central of bumble's: Just Works, or with a passkey (Core Specification 5.4, vol 3 part H)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bumble.core import BaseBumbleError
from bumble.device import Connection, Device
from bumble.pairing import PairingConfig, PairingDelegate

from .base import LinkLost
from .pairing import PAIR_NEXT

Passkey = Callable[[], Awaitable["int | None"]]
"""Asked for the six digits that the device shows; None: there is nobody to ask."""


class _Keyboard(PairingDelegate):  # type: ignore[misc]
    """Someone who can type a passkey."""

    def __init__(self, ask: Passkey) -> None:
        super().__init__(PairingDelegate.KEYBOARD_INPUT_ONLY)
        self._ask = ask

    async def get_number(self) -> int | None:
        """Return the passkey."""
        return await self._ask()


async def secure(central: Device, connection: Connection, ask: Passkey | None) -> None:
    """Encrypt a connection with the keys of before, or pair; without `ask` by Just Works.

    Raises LinkLost when the device refuses.
    """
    central.pairing_config_factory = lambda _: PairingConfig(
        mitm=ask is not None, delegate=_Keyboard(ask) if ask is not None else None
    )
    keys = None
    if central.keystore is not None:
        keys = await central.keystore.get(str(connection.peer_address))
    work = connection.encrypt() if keys is not None else connection.pair()
    try:
        await connection.cancel_on_disconnection(work)
    except BaseBumbleError as error:
        raise LinkLost(f"the device refused to pair: {error}", PAIR_NEXT) from error
