"""One scan for all who look for a device: an adapter refuses a second one (BlueZ: InProgress)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

_FRESH_SECONDS = 10.0
"""How long an advertisement counts: the kernel reports each device once a scan, about so long."""

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


class Scan:
    """Runs while somebody looks for a device, and stops with the last one."""

    def __init__(self) -> None:
        self._wanted: dict[str, set[asyncio.Future[BLEDevice]]] = {}
        self._heard: dict[str, tuple[float, BLEDevice]] = {}
        self._scanner: BleakScanner | None = None
        self._switching = asyncio.Lock()

    async def find(self, address: str, seconds: float) -> BLEDevice | None:
        """Return the device once it advertises, or None when it does not within `seconds`.

        Raises what bleak raises when there is nothing to scan with.
        """
        loop = asyncio.get_running_loop()
        found: asyncio.Future[BLEDevice] = loop.create_future()
        self._wanted.setdefault(address, set()).add(found)
        try:
            await self._switch()
            # Each advertisement serves one attempt: after a failed one the device must be heard again.
            time, device = self._heard.pop(address, (0.0, None))
            if device is not None and loop.time() - time < _FRESH_SECONDS:
                return device
            async with asyncio.timeout(seconds):
                return await found
        except TimeoutError:
            return None
        finally:
            self._wanted[address].discard(found)
            if not self._wanted[address]:
                del self._wanted[address]
            await self._switch()

    async def _switch(self) -> None:
        """Scan if and only if somebody looks for a device."""
        # Cancelled between question and answer, bleak leaves BlueZ scanning for us, which then refuses
        # every later scan of ours.
        await see_through(self._settle())

    async def _settle(self) -> None:
        async with self._switching, asyncio.timeout(_SWITCH_SECONDS):
            if self._wanted and self._scanner is None:
                scanner = BleakScanner(self._advertised)
                await scanner.start()
                self._scanner = scanner
            elif not self._wanted and self._scanner is not None:
                scanner, self._scanner = self._scanner, None
                self._heard.clear()
                await scanner.stop()

    def _advertised(self, device: BLEDevice, _: AdvertisementData) -> None:
        address = device.address.upper()
        waiting = self._wanted.get(address)
        if not waiting:
            self._heard[address] = (asyncio.get_running_loop().time(), device)
            return
        for found in waiting:
            if not found.done():
                found.set_result(device)
