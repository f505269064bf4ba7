"""Bluetooth LE: a connection to a device's GATT server through bleak, on whatever stack the system has."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakGATTProtocolError

from testbed.bench.ble_wire import BleWire
from testbed.clock import Clock
from testbed.errors import LinkError

from .base import BytesReceived, Direction, LinkLost, Lost, Tap, no_tap
from .bluez import OwnerWatch, Station, station
from .gatt_frames import AttError, AttOpcode, GattFrame, unasked
from .gatt_table import GattTable
from .pairing import PAIR_NEXT, WANTS_PAIRING

_ANSWER_SECONDS = 10.0
"""ATT allows 30 s for an answer (Core Specification 5.4, vol 3 part F, 3.3.3); no bench waits that long."""

_GOODBYE_SECONDS = 3.0
_WRITE_HEADER = 3  # bytes of a write before the value (vol 3 part F, 3.4.5)
_REFUSED = "org.bluez.Error.NotPermitted"
_NOBODY = ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner")

T = TypeVar("T")


async def open_gatt(wire: BleWire, clock: Clock, *, lost: Lost, tap: Tap = no_tap) -> GattLink:
    """Find the device that `wire` means by its advertisements, connect and discover its services.

    Raises LinkLost with the cause and the next step. Cancelled at any point it leaves nothing behind.
    """
    link = GattLink(wire, clock, lost, tap)
    try:
        await link.connect(await station(wire.bus))
    except BaseException as error:
        await link.close()
        if isinstance(error, Exception):
            raise _explained(error, f"cannot connect to {wire}") from error
        raise
    return link


class GattLink:
    """An open connection; characteristics are named by their 128-bit UUID in lower case.

    Reads, writes and notifications are stamped and tapped as frames (see gatt_frames.py).
    """

    def __init__(self, wire: BleWire, clock: Clock, lost: Lost, tap: Tap) -> None:
        self.address = wire.address
        self._wire = wire
        self._clock = clock
        self._lost = lost
        self._tap = tap
        self._open = True
        self._client: BleakClient | None = None
        self._watch = OwnerWatch(self._fail)
        self._rssi: int | None = None
        self._found: dict[str, list[BleakGATTCharacteristic]] = {}

    async def connect(self, place: Station) -> None:
        """Connect by way of `place`; for `open_gatt`, which cleans up when it fails."""
        await self._watch.start()
        found = await place.find(self._wire)
        if found is None:
            raise LinkLost(
                f"no advertisement from {self._wire}", "is it powered and near? run: testbed scan ble"
            )
        heard, device = found
        self.address, self._rssi = heard.address, heard.rssi
        client = await place.connect(device, self._wire, lambda _: self._fail("the device disconnected"))
        self._client = client
        for characteristic in client.services.characteristics.values():
            self._found.setdefault(characteristic.uuid, []).append(characteristic)

    @property
    def table(self) -> GattTable:
        """What the device offers."""
        return GattTable(
            self.address,
            tuple(
                (each.service_uuid, uuid, tuple(sorted(each.properties)))
                for uuid, same in self._found.items()
                for each in same
            ),
            self._mtu,
            self._rssi,
        )

    @property
    def _mtu(self) -> int:
        """The MTU that was agreed on, as bleak tells it of every stack: with the header of a write."""
        writes = (each.max_write_without_response_size for same in self._found.values() for each in same)
        return next((size + _WRITE_HEADER for size in writes), 0)

    async def read(self, characteristic: str) -> tuple[int, bytes]:
        """Return (time of arrival, value); raises AttError when refused, LinkLost when it is gone."""
        self._record(Direction.TX, AttOpcode.READ_REQUEST, characteristic)
        value = bytes(await self._ask(characteristic, lambda client, target: client.read_gatt_char(target)))
        return self._record(Direction.RX, AttOpcode.READ_RESPONSE, characteristic, value), value

    async def write(self, characteristic: str, value: bytes, *, response: bool = True) -> None:
        """Write a value; raises AttError when the device refuses, LinkLost when it is gone.

        Without response it returns when the stack has taken the value, and no refusal is ever heard.
        """
        opcode = AttOpcode.WRITE_REQUEST if response else AttOpcode.WRITE_COMMAND
        self._record(Direction.TX, opcode, characteristic, value)
        await self._ask(
            characteristic, lambda client, target: client.write_gatt_char(target, value, response=response)
        )
        if response:
            self._record(Direction.RX, AttOpcode.WRITE_RESPONSE, characteristic)

    async def subscribe(self, characteristic: str, received: BytesReceived) -> None:
        """Call `received` with the time of arrival and the value, for each notification or indication."""
        told = unasked(self.table.abilities(characteristic))

        def arrived(_: BleakGATTCharacteristic, value: bytearray) -> None:
            if self._open:
                data = bytes(value)
                time_ns = self._record(Direction.RX, told, characteristic, data)
                received(time_ns, data)

        await self._ask(characteristic, lambda client, target: client.start_notify(target, arrived))

    async def close(self) -> None:
        """Disconnect and release everything; `lost` is not called for it."""
        self._open = False
        client, self._client = self._client, None
        try:
            if client is not None:
                # Whatever goes wrong here, bleak has released its connection when it returns.
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(_GOODBYE_SECONDS):
                        await client.disconnect()
        finally:
            await self._watch.stop()

    async def _ask(
        self,
        characteristic: str,
        request: Callable[[BleakClient, BleakGATTCharacteristic], Awaitable[T]],
    ) -> T:
        client, same = self._client, self._found.get(characteristic, [])
        if not self._open or client is None:
            raise LinkLost(f"{self.address}: the connection is closed")
        if not same:
            raise LinkError(f"{self.address} has no characteristic {characteristic}")
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await request(client, same[0])
        except BleakGATTProtocolError as error:
            raise self._refused(characteristic, int(error.code)) from error
        except BleakDBusError as error:
            if error.dbus_error == _REFUSED and error.dbus_error_details == "Not paired":
                # BlueZ tells neither of the three ATT errors that it means, nor bleak any.
                raise self._refused(characteristic, WANTS_PAIRING[0]) from error
            raise self._failed(error) from error
        except Exception as error:  # bleak lets D-Bus errors of many kinds, asserts and KeyErrors through
            raise self._failed(error) from error

    def _refused(self, characteristic: str, code: int) -> AttError:
        time_ns = self._record(Direction.RX, AttOpcode.ERROR_RESPONSE, characteristic, bytes([code]))
        return AttError(code, time_ns)

    def _failed(self, error: Exception) -> LinkError:
        loss = _explained(error, f"{self.address}: request failed")
        self._fail(str(loss))
        return loss

    def _record(
        self, direction: Direction, opcode: AttOpcode, characteristic: str, value: bytes = b""
    ) -> int:
        time_ns = self._clock.now()
        self._tap(time_ns, direction, GattFrame(opcode, characteristic, value).encode())
        return time_ns

    def _fail(self, reason: str) -> None:
        if self._open:
            self._open = False
            self._lost(reason)


def _explained(error: Exception, doing: str) -> LinkError:
    """Return what bleak raised as a loss with a next step."""
    if isinstance(error, LinkError):
        return error
    if isinstance(error, BleakBluetoothNotAvailableError):
        return LinkLost(f"{doing}: {error.args[0]}", "run: testbed doctor")
    if isinstance(error, BleakDBusError) and error.dbus_error in _NOBODY:
        return LinkLost(
            f"{doing}: no Bluetooth service on the D-Bus", "start bluetoothd, or run: testbed doctor"
        )
    if isinstance(error, BleakDBusError) and "Authentication" in error.dbus_error:
        return LinkLost(f"{doing}: the device refused to pair ({error.dbus_error})", PAIR_NEXT)
    if isinstance(error, TimeoutError):
        # A device that wants to be paired lets BlueZ try so by itself, and us wait for it.
        return LinkLost(f"{doing}: no answer in time", f"if it wants to be paired: {PAIR_NEXT}")
    return LinkLost(f"{doing}: {error or type(error).__name__}")
