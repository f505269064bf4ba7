"""Who looks for which Bluetooth device, and what advertisements say to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from testbed.bench.ble_wire import BleWire

from .base import LinkLost

_FRESH_SECONDS = 10.0
"""How long an advertisement counts: the kernel reports each device once a scan, about so long."""

_OTHERS_SECONDS = 1.0
"""How long one listens on for others that a wire without an address could mean as well."""

D = TypeVar("D")


@dataclass(frozen=True)
class Heard:
    """What an advertisement says; UUIDs have 128 bits in lower case, `rssi` is in dBm, None if not heard."""

    address: str
    name: str = ""
    services: frozenset[str] = frozenset()
    manufacturers: dict[int, bytes] = field(default_factory=dict)
    rssi: int | None = None

    def meant_by(self, wire: BleWire) -> bool:
        """Whether a wire means the device that says so."""
        if wire.address and wire.address != self.address:
            return False
        if not wire.named(self.name) or (wire.service and wire.service not in self.services):
            return False
        wanted = wire.manufacturer
        if wanted is None:
            return True
        data = self.manufacturers.get(wanted.company)
        return data is not None and data.startswith(wanted.data)


@dataclass
class _Seeker(Generic[D]):
    wire: BleWire
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    found: dict[str, tuple[Heard, D]] = field(default_factory=dict)


class Seekers(Generic[D]):
    """All who look for devices on one adapter; `switch` lets it scan while there are any."""

    def __init__(self, switch: Callable[[], Awaitable[None]]) -> None:
        self._switch = switch
        self._seekers: list[_Seeker[D]] = []
        self._heard: dict[str, tuple[float, Heard, D]] = {}

    def __bool__(self) -> bool:
        """Whether anybody looks for a device."""
        return bool(self._seekers)

    async def find(self, wire: BleWire, seconds: float) -> tuple[Heard, D] | None:
        """Return what the device that a wire means advertises, and the device.

        None when it does not within `seconds`. Raises LinkLost when the wire could mean several, and
        what `switch` raises.
        """
        seeker: _Seeker[D] = _Seeker(wire)
        self._seekers.append(seeker)
        try:
            await self._switch()
            self._recall(seeker)
            async with asyncio.timeout(seconds):
                await seeker.heard.wait()
            if not wire.address:
                await asyncio.sleep(_OTHERS_SECONDS)
            return _only(seeker)
        except TimeoutError:
            return None
        finally:
            self._seekers.remove(seeker)
            await self._switch()

    def hear(self, heard: Heard, device: D) -> None:
        """Take an advertisement."""
        waiting = [seeker for seeker in self._seekers if heard.meant_by(seeker.wire)]
        if not waiting:
            self._heard[heard.address] = (asyncio.get_running_loop().time(), heard, device)
        for seeker in waiting:
            seeker.found[heard.address] = heard, device
            seeker.heard.set()

    def forget(self) -> None:
        """Forget what was heard: the scan ended."""
        self._heard.clear()

    def _recall(self, seeker: _Seeker[D]) -> None:
        """Tell of what was heard a moment ago.

        Each advertisement serves one attempt: after a failed one the device must be heard again.
        """
        now = asyncio.get_running_loop().time()
        for address, (time, heard, device) in list(self._heard.items()):
            if heard.meant_by(seeker.wire):
                del self._heard[address]
                if now - time < _FRESH_SECONDS:
                    seeker.found[address] = heard, device
                    seeker.heard.set()


def _only(seeker: _Seeker[D]) -> tuple[Heard, D]:
    if len(seeker.found) > 1:
        listed = ", ".join(f"ble://{address}" for address in sorted(seeker.found))
        raise LinkLost(
            f"{len(seeker.found)} devices are {seeker.wire}: {listed}", "write the address of one of them"
        )
    return next(iter(seeker.found.values()))
