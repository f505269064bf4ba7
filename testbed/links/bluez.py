"""What the GATT links of one process share: which D-Bus, whose turn it is to connect, is BlueZ there.

bleak keeps one view of BlueZ for each event loop and takes the D-Bus from the environment, so all
links of a loop must agree on the bus. On systems without BlueZ nothing here asks for a D-Bus.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from weakref import WeakKeyDictionary

from bleak import BleakAdapter, BleakClient
from bleak.backends.device import BLEDevice
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from testbed.bench.ble_wire import BleWire

from .base import LinkLost
from .bluez_agent import passkey_agent
from .dbus import hang_up
from .gatt_scan import Scan, see_through
from .gatt_seek import Heard

_VARIABLE = "DBUS_SYSTEM_BUS_ADDRESS"
_DBUS = "org.freedesktop.DBus"
_RULE = f"type='signal',sender='{_DBUS}',member='NameOwnerChanged',arg0='org.bluez'"

_SCAN_SECONDS = 3.0
_CONNECT_SECONDS = 6.0
"""Long enough for a device heard a moment ago, short enough that others need not wait for a lost one."""

HAS_BLUEZ = sys.platform == "linux"

# What bleak warns of reaches people as the link's loss with its reason; its own switch still works.
if not os.environ.get("BLEAK_LOGGING"):
    logging.getLogger("bleak").setLevel(logging.ERROR)


class Station:
    """The Bluetooth side of one event loop."""

    def __init__(self) -> None:
        self.bus: str | None = None
        self._scan = Scan()
        self._turn = asyncio.Lock()

    async def find(self, wire: BleWire) -> tuple[Heard, BLEDevice] | None:
        """Return the device once it is heard, or when a former session left it connected, else None."""
        if found := await self._scan.find(wire, _SCAN_SECONDS):
            return found
        try:
            adapter = await BleakAdapter.get()
            connected = await adapter.get_connected_devices()
        except NotImplementedError:  # not every system can say
            return None
        known = [(_known(device), device) for device in connected]
        return next((pair for pair in known if pair[0].meant_by(wire)), None)

    async def connect(
        self, device: BLEDevice, wire: BleWire, dropped: Callable[[BleakClient], None]
    ) -> BleakClient:
        """Connect, pair if so wished, and discover; one after the other, as BlueZ wants it (InProgress)."""
        client = BleakClient(device, dropped, timeout=_CONNECT_SECONDS, pair=wire.pair)
        async with self._turn:
            await _check_version()
            async with passkey_agent(wire.passkey if HAS_BLUEZ else None):
                await client.connect()
        return client


def _known(device: BLEDevice) -> Heard:
    """Return what is known of a device that does not advertise because it is connected."""
    return Heard(device.address.upper(), device.name or "")


_stations: WeakKeyDictionary[asyncio.AbstractEventLoop, Station] = WeakKeyDictionary()
_inherited = os.environ.get(_VARIABLE, "")


async def station(bus: str) -> Station:
    """Return this loop's station on the D-Bus at address `bus` (empty: the system's).

    Raises LinkLost when this process already speaks to another D-Bus that is still there.
    """
    found = _stations.setdefault(asyncio.get_running_loop(), Station())
    if found.bus not in (None, bus) and await _answers(found.bus or _inherited):
        raise LinkLost(
            f"this process already speaks Bluetooth over {found.bus or 'the system D-Bus'}, "
            f"so it cannot also use {bus or 'the system D-Bus'}",
            "put real and emulated Bluetooth devices in separate benches",
        )
    found.bus = bus
    if address := bus or _inherited:
        os.environ[_VARIABLE] = address
    else:
        os.environ.pop(_VARIABLE, None)
    return found


async def _answers(address: str) -> bool:
    """Whether there is a D-Bus at an address."""
    probe = MessageBus(address or None, BusType.SYSTEM)
    try:
        await probe.connect()
    except Exception:  # whatever it is, this bus is of no use to anybody
        return False
    await hang_up(probe)
    return True


async def _check_version() -> None:
    """Let bleak ask once which BlueZ there is.

    Cancelled halfway, its check would keep everybody after us waiting for ever, so we see it through.
    """
    if not HAS_BLUEZ:
        return
    from bleak.backends.bluezdbus.version import BlueZFeatures

    await see_through(BlueZFeatures.check_bluez_version())


class OwnerWatch:
    """Notices that BlueZ leaves the D-Bus, of which bleak tells nobody."""

    def __init__(self, gone: Callable[[str], None]) -> None:
        self._gone = gone
        self._bus: MessageBus | None = None

    async def start(self) -> None:
        """Begin to listen; raises LinkLost when there is no D-Bus."""
        if not HAS_BLUEZ:
            return
        bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            await bus.connect()
        except Exception as error:  # dbus-fast raises ValueError, OSError, EOFError and its own
            address = os.environ.get(_VARIABLE, "its usual place")
            raise LinkLost(f"no D-Bus at {address}: {error}", "run: testbed doctor") from error
        self._bus = bus
        bus.add_message_handler(self._heard)
        await bus.call(
            Message(_DBUS, "/org/freedesktop/DBus", _DBUS, "AddMatch", signature="s", body=[_RULE])
        )

    async def stop(self) -> None:
        """Listen no longer."""
        if self._bus is not None:
            bus, self._bus = self._bus, None
            await hang_up(bus)

    def _heard(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.member == "NameOwnerChanged":
            owner_now = message.body[2]
            if not owner_now:
                self._gone("BlueZ (bluetoothd) left the D-Bus")
