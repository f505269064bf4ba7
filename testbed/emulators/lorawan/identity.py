"""Who a device is to its network, and what both sides of a session know."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from testbed.protocols.lorawan.counters import ReceivedCounter
from testbed.protocols.lorawan.crypto import KEY_SIZE, SessionKeys

JOIN_EUI = 0x70B3D57ED0FFFFFF
NET_ID = 0
"""For experiments: the addresses are made up (LoRaWAN TS002, section 6)."""


@dataclass(frozen=True)
class Identity:
    """What is set in a device before it is used, and in its server."""

    dev_eui: int
    app_key: bytes
    dev_addr: int
    """Of a device that is activated by personalization."""
    keys: SessionKeys

    @classmethod
    def draw(cls, dev_eui: int, chance: random.Random) -> Identity:
        """Return the identity of a device, with keys of its own."""
        dev_addr = chance.getrandbits(25)
        app, nwk, key = (chance.randbytes(KEY_SIZE) for _ in range(3))
        return cls(dev_eui, key, dev_addr, SessionKeys(nwk, app))


@dataclass
class Session:
    """One side's view of a session: `sent` is the counter of its next frame."""

    dev_addr: int
    keys: SessionKeys
    sent: int = 0
    received: ReceivedCounter = field(default_factory=ReceivedCounter)
