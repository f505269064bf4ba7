"""What a GATT server offers, as a driver asks for it and as a recording keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from testbed.errors import DamagedInput, LinkError


@dataclass(frozen=True)
class GattTable:
    """(service, characteristic, what it can do) of all that the device at `address` has.

    UUIDs have 128 bits in lower case; what can be done is read, write, write-without-response, notify
    and indicate, in alphabetical order.
    """

    address: str
    entries: tuple[tuple[str, str, tuple[str, ...]], ...]
    mtu: int = 0
    """Bytes of an ATT packet, as agreed on; 0 when the stack does not say."""
    rssi: int | None = None
    """Signal strength in dBm of the advertisement by which it was found, if it was heard."""

    @property
    def services(self) -> list[str]:
        """UUIDs of the services that the device has."""
        return sorted({service for service, _, _ in self.entries})

    def properties(self, service: str, characteristic: str) -> frozenset[str] | None:
        """Return what a characteristic can do; None when the device lacks it.

        Raises LinkError when several services have it, because a UUID alone then does not say which is
        meant.
        """
        same = [entry for entry in self.entries if entry[1] == characteristic]
        if not any(entry[0] == service for entry in same):
            return None
        if len(same) > 1:
            raise LinkError(f"{self.address} has characteristic {characteristic} {len(same)} times")
        return frozenset(same[0][2])

    def abilities(self, characteristic: str) -> tuple[str, ...]:
        """Return what a characteristic can do, the first of several that have its UUID."""
        return next((can for _, uuid, can in self.entries if uuid == characteristic), ())

    def encode(self) -> bytes:
        """Return it as a recording keeps it: JSON."""
        return json.dumps(asdict(self)).encode()


def decode_table(data: bytes) -> GattTable:
    """Return a recorded table; raises DamagedInput when `data` is none."""
    try:
        held = json.loads(data)
        entries = tuple((str(s), str(c), tuple(map(str, can))) for s, c, can in held["entries"])
        rssi = held.get("rssi")
        mtu = int(held.get("mtu", 0))
        return GattTable(str(held["address"]), entries, mtu, None if rssi is None else int(rssi))
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedInput(f"no table of GATT characteristics: {error}") from None
