"""In the guest: emulated devices are on the air of a real bluetoothd instead of our own `org.bluez`.

The same tests, drivers and peripherals; only the adapter differs: the kernel's, over /dev/vhci.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import pytest
from bumble import hci
from bumble.controller import Controller
from bumble.device import Device
from bumble.transport import open_transport
from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus

from testbed.clock import Clock
from testbed.drivers.ble import BleDriver
from testbed.emulators.places import SystemPlaces
from testbed.links import bluez, gatt

_BUS = "DBUS_SYSTEM_BUS_ADDRESS"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_OURS = ("d_bus", "bluez_leaves", "dead_program", "wants_to_be_paired")
"""Words in names of tests about our own D-Bus, and of one in which a real BlueZ pairs by itself."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about our own D-Bus."""
    items[:] = [item for item in items if not any(word in item.name for word in _OURS)]


@pytest.fixture(autouse=True, scope="session")
def real_bluez() -> None:
    """Put every emulated device on the air of the kernel's adapter."""
    SystemPlaces.adapter = _adapter  # type: ignore[method-assign]
    # Without KVM the guest is some twenty times as slow as a machine that a driver is made for.
    bluez._SCAN_SECONDS, bluez._CONNECT_SECONDS, gatt._ANSWER_SECONDS = 20.0, 60.0, 60.0
    BleDriver.connect_timeout = 120.0


@contextlib.asynccontextmanager
async def _adapter(self: SystemPlaces, central: Device, clock: Clock) -> AsyncIterator[str]:
    ours = central.host.hci_sink.sink  # type: ignore[union-attr]
    assert isinstance(ours, Controller)
    async with await open_transport("vhci") as transport:
        kernel = Controller(
            "kernel", host_source=transport.source, host_sink=transport.sink, link=ours.link,
            public_address=hci.Address("F0:F0:F0:F0:F0:F1/P"),
        )  # fmt: skip
        kernel.le_features &= ~(hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)
        await _powered()
        yield os.environ[_BUS]


async def _powered() -> None:
    bus = MessageBus(os.environ[_BUS], BusType.SYSTEM)
    await bus.connect()
    try:
        for _ in range(300):
            if await _on(bus):
                return
            await asyncio.sleep(0.2)
        raise AssertionError("the kernel's adapter does not power on")
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()


async def _on(bus: MessageBus) -> bool:
    managed = await bus.call(
        Message("org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    )
    if not managed.body:
        return False
    for path, interfaces in managed.body[0].items():
        adapter = interfaces.get("org.bluez.Adapter1")
        if adapter is not None:
            if adapter["Powered"].value:
                return True
            body = ["org.bluez.Adapter1", "Powered", Variant("b", True)]
            await bus.call(Message("org.bluez", path, _PROPERTIES, "Set", signature="ssv", body=body))
    return False
