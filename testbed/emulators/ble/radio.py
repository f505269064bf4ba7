"""The air: virtual controllers of bumble that hear each other, each with a host on top.

Not emulated: radio range and loss, connection intervals, the quirks of real controllers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from bumble import hci
from bumble.controller import Controller
from bumble.device import Device, DeviceConfiguration
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

_ADVERTISING_INTERVAL_MS = 100.0
_POWER_OFF_SECONDS = 1.0

# Its warnings tell of packets for a connection that just ended, which is what unplugging looks like; and
# a stray call of its own to the root logger would bring them to the terminal.
logging.getLogger("bumble").setLevel(logging.ERROR)

# Without them bumble's controllers and hosts speak the legacy commands, which its link carries whole.
_MASKED = hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING


class _Controllers(dict[Controller, None]):
    """A set that keeps its order: that of bumble's own is of addresses in memory, new with every run."""

    def add(self, controller: Controller) -> None:
        """Put a controller last."""
        self[controller] = None

    def remove(self, controller: Controller) -> None:
        """Take a controller out."""
        del self[controller]


class Radio:
    """One room's air; `close` ends all that is on it."""

    def __init__(self) -> None:
        self._link = LocalLink()
        self._link.controllers = _Controllers()
        self._controllers: list[Controller] = []
        self._devices: list[Device] = []

    def device(self, name: str, address: str) -> Device:
        """Return a device at a random static address, not yet powered on."""
        controller = Controller(name, link=self._link)
        controller.le_features &= ~_MASKED
        configuration = DeviceConfiguration(
            name=name,
            address=hci.Address(address),
            advertising_interval_min=_ADVERTISING_INTERVAL_MS,
            advertising_interval_max=_ADVERTISING_INTERVAL_MS,
        )
        device = Device.from_config_with_hci(configuration, controller, AsyncPipeSink(controller))
        self._controllers.append(controller)
        self._devices.append(device)
        return device

    async def close(self) -> None:
        """Silence every controller and end what waits for one."""
        for controller in self._controllers:
            controller.le_legacy_advertiser.stop()
            controller.host = None
        for device in self._devices:
            # Waits for a command in flight, to which a silent controller never answers.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POWER_OFF_SECONDS):
                    await device.power_off()


def heed_cancellation() -> None:
    """Raise CancelledError if this task was told to end; to be called after waiting for bumble.

    bumble waits with asyncio.wait_for, which before Python 3.12 loses a cancellation that comes together
    with the answer (https://github.com/python/cpython/issues/86296).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
