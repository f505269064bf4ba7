"""One scan for all who look for a device: an adapter refuses a second one (BlueZ: InProgress)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from testbed.bench.ble_wire import BleWire

from .gatt_seek import Heard, Seekers

_SWITCH_SECONDS = 5.0


async def see_through(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` to its end even when cancelled meanwhile; the cancellation is raised afterwards.

    For what bleak must not be stopped in the middle of. `work` must end by itself within seconds.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


def heard_by_bleak(device: BLEDevice, advertisement: AdvertisementData) -> Heard:
    """Return what bleak heard."""
    return Heard(
        device.address.upper(),
        advertisement.local_name or "",
        frozenset(uuid.lower() for uuid in advertisement.service_uuids),
        dict(advertisement.manufacturer_data),
        advertisement.rssi,
    )


class Scan:
    """Runs while somebody looks for a device, and stops with the last one."""

    def __init__(self) -> None:
        self._seekers: Seekers[BLEDevice] = Seekers(self._switch)
        self._scanner: BleakScanner | None = None
        self._switching = asyncio.Lock()

    async def find(self, wire: BleWire, seconds: float) -> tuple[Heard, BLEDevice] | None:
        """Return what the device advertises, and the device, or None when it does not within `seconds`.

        Raises LinkLost when several could be meant, and what bleak raises when there is nothing to scan with.
        """
        return await self._seekers.find(wire, seconds)

    async def _switch(self) -> None:
        """Scan if and only if somebody looks for a device."""
        # Cancelled between question and answer, bleak leaves BlueZ scanning for us, which then refuses
        # every later scan of ours.
        await see_through(self._settle())

    async def _settle(self) -> None:
        async with self._switching, asyncio.timeout(_SWITCH_SECONDS):
            if self._seekers and self._scanner is None:
                scanner = BleakScanner(self._advertised)
                await scanner.start()
                self._scanner = scanner
            elif not self._seekers and self._scanner is not None:
                scanner, self._scanner = self._scanner, None
                self._seekers.forget()
                await scanner.stop()

    def _advertised(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self._seekers.hear(heard_by_bleak(device, advertisement), device)
