"""Virtual controllers of bumble that hear each other over one air, each with a host on top.

Not emulated: collisions on the air, and the quirks of real controllers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Coroutine
from typing import Any

from bumble import hci
from bumble.device import Device, DeviceConfiguration
from bumble.transport.common import AsyncPipeSink

from .air import Air, AirController

_ADVERTISING_SECONDS = 0.1
_BUMBLE_MS = 625.0
"""Per second: bumble's controller takes HCI's units of 0.625 ms for milliseconds."""

_POWER_OFF_SECONDS = 1.0

# Its warnings tell of packets for a connection that just ended, which is what unplugging looks like; and
# a stray call of its own to the root logger would bring them to the terminal.
logging.getLogger("bumble").setLevel(logging.ERROR)

# Without them bumble's controllers and hosts speak the legacy commands, which its link carries whole.
_MASKED = hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING


class Radio:
    """One room's air; `close` ends all that is on it."""

    def __init__(self, chance: random.Random) -> None:
        self.air = Air(chance)
        self._controllers: list[AirController] = []
        self._devices: list[Device] = []

    def device(self, name: str, address: str, interval: float = _ADVERTISING_SECONDS) -> Device:
        """Return a device, not yet powered on; the address is random static, `interval` is in s."""
        controller = AirController(name, link=self.air)
        controller.le_features &= ~_MASKED
        configuration = DeviceConfiguration(
            name=name,
            address=hci.Address(address),
            advertising_interval_min=interval * _BUMBLE_MS,
            advertising_interval_max=interval * _BUMBLE_MS,
        )
        device = Device.from_config_with_hci(configuration, controller, AsyncPipeSink(controller))
        self._controllers.append(controller)
        self._devices.append(device)
        return device

    async def close(self) -> None:
        """Silence every controller and end what waits for one."""
        self.air.close()
        for controller in self._controllers:
            controller.le_legacy_advertiser.stop()
            controller.host = None
        for device in self._devices:
            # Waits for a command in flight, to which a silent controller never answers.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POWER_OFF_SECONDS):
                    await device.power_off()


async def whole(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` to its end even when cancelled meanwhile; the cancellation is raised afterwards.

    For commands to a controller: bumble's host fails over the answer to one that nobody waits for.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


def heed_cancellation() -> None:
    """Raise CancelledError if this task was told to end; to be called after waiting for bumble.

    bumble waits with asyncio.wait_for, which before Python 3.12 loses a cancellation that comes together
    with the answer (https://github.com/python/cpython/issues/86296).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
