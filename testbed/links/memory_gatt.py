"""Bluetooth LE without a D-Bus: a GATT client of bumble on the virtual air, for virtual time.

Real ATT over real L2CAP and HCI packets, between two hosts in one process; what is left out is the
operating system's Bluetooth service and bleak, which cannot follow virtual time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import TypeVar
from uuid import UUID

from bumble import core
from bumble.att import ATT_Error
from bumble.core import BaseBumbleError, ProtocolError
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt import Characteristic
from bumble.gatt_client import CharacteristicProxy
from bumble.hci import Address

from testbed.bench.ble_wire import BleWire
from testbed.clock import Clock
from testbed.errors import LinkError

from .base import BytesReceived, Direction, LinkLost, Lost, Tap
from .bumble_pairing import Passkey, secure
from .gatt_frames import AttError, AttOpcode, GattFrame, unasked
from .gatt_seek import Heard, Seekers
from .gatt_table import GattTable

_SCAN_SECONDS = 3.0
_CONNECT_SECONDS = 6.0
_ANSWER_SECONDS = 10.0
_MTU = 517

_WORDS = {
    Characteristic.Properties.READ: "read",
    Characteristic.Properties.WRITE: "write",
    Characteristic.Properties.WRITE_WITHOUT_RESPONSE: "write-without-response",
    Characteristic.Properties.NOTIFY: "notify",
    Characteristic.Properties.INDICATE: "indicate",
}

_SERVICES = (
    core.AdvertisingData.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    core.AdvertisingData.Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    core.AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    core.AdvertisingData.Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)

T = TypeVar("T")


class MemoryAir:
    """The controller's side of the virtual air: its adapter scans, and connects to one device at a time."""

    def __init__(self, central: Device) -> None:
        self._central = central
        self._turn = asyncio.Lock()
        self._switching = asyncio.Lock()
        self._seekers: Seekers[Address] = Seekers(self._switch)
        central.on("advertisement", self._advertised)

    async def open(self, wire: BleWire, clock: Clock, *, lost: Lost, tap: Tap) -> MemoryGattLink:
        """Connect to the device that is meant and discover what it has; raises LinkLost with the cause."""
        found = await self._seekers.find(wire, _SCAN_SECONDS)
        if found is None:
            raise LinkLost(f"no advertisement from {wire}", "is it powered and near?")
        heard, target = found
        try:
            async with self._turn, asyncio.timeout(_CONNECT_SECONDS):
                connection = await self._central.connect(target)
                link = MemoryGattLink(heard, connection, clock, lost, tap)
                await self._prepare(link, connection, wire)
        except TimeoutError:
            raise LinkLost(f"cannot connect to {wire}: no answer in time") from None
        except BaseBumbleError as error:
            raise LinkLost(f"cannot connect to {wire}: {error}") from error
        return link

    async def _prepare(self, link: MemoryGattLink, connection: Connection, wire: BleWire) -> None:
        """Pair if so wished, and discover; when that fails, nobody is left connected."""
        try:
            if wire.pair:
                await secure(self._central, connection, _typed(wire.passkey))
            await link.discover()
        except BaseException:
            await link.close()
            raise

    async def _switch(self) -> None:
        """Scan if and only if somebody looks for a device."""
        async with self._switching:
            if self._seekers and not self._central.is_scanning:
                await self._central.start_scanning(filter_duplicates=False)
            elif not self._seekers and self._central.is_scanning:
                self._seekers.forget()
                await self._central.stop_scanning()

    def _advertised(self, advertisement: Advertisement) -> None:
        self._seekers.hear(_heard(advertisement), advertisement.address)


def _typed(passkey: int | None) -> Passkey | None:
    if passkey is None:
        return None

    async def ask() -> int:
        return passkey

    return ask


def _heard(advertisement: Advertisement) -> Heard:
    kinds, data = core.AdvertisingData.Type, advertisement.data
    name = data.get(kinds.COMPLETE_LOCAL_NAME) or data.get(kinds.SHORTENED_LOCAL_NAME) or ""
    services = {_text(uuid) for kind in _SERVICES for uuid in data.get(kind) or ()}
    told = data.get_all(kinds.MANUFACTURER_SPECIFIC_DATA)
    return Heard(_address(advertisement.address), name, frozenset(services), dict(told), advertisement.rssi)


def _address(address: Address) -> str:
    return str(address.to_string(with_type_qualifier=False))


class MemoryGattLink:
    """An open connection; characteristics are named by their 128-bit UUID in lower case."""

    def __init__(self, heard: Heard, connection: Connection, clock: Clock, lost: Lost, tap: Tap) -> None:
        self.address = heard.address
        self._heard = heard
        self._connection = connection
        self._clock = clock
        self._lost = lost
        self._tap = tap
        self._open = True
        self._peer = Peer(connection)
        self._found: dict[str, CharacteristicProxy[bytes]] = {}
        self._table = GattTable(heard.address, ())
        connection.on("disconnection", lambda reason: self._fail("the device disconnected"))

    @property
    def table(self) -> GattTable:
        """What the device offers, as it was discovered."""
        return self._table

    async def discover(self) -> None:
        """Agree on the MTU and find every characteristic."""
        mtu = int(await self._peer.request_mtu(_MTU))
        entries = []
        for service in await self._peer.discover_services():
            for each in await self._peer.discover_characteristics(service=service):
                await self._peer.discover_descriptors(each)
                uuid = _text(each.uuid)
                self._found.setdefault(uuid, each)
                can = sorted(word for flag, word in _WORDS.items() if each.properties & flag)
                entries.append((_text(service.uuid), uuid, tuple(can)))
        self._table = GattTable(self.address, tuple(entries), mtu, self._heard.rssi)

    async def read(self, characteristic: str) -> tuple[int, bytes]:
        """Return (time of arrival, value); raises AttError when refused, LinkLost when it is gone."""
        self._record(Direction.TX, AttOpcode.READ_REQUEST, characteristic)
        value = bytes(await self._ask(characteristic, self._proxy(characteristic).read_value()))
        return self._record(Direction.RX, AttOpcode.READ_RESPONSE, characteristic, value), value

    async def write(self, characteristic: str, value: bytes, *, response: bool = True) -> None:
        """Write a value; raises AttError when the device refuses, LinkLost when it is gone."""
        opcode = AttOpcode.WRITE_REQUEST if response else AttOpcode.WRITE_COMMAND
        self._record(Direction.TX, opcode, characteristic, value)
        proxy = self._proxy(characteristic)
        await self._ask(characteristic, proxy.write_value(value, with_response=response))
        if response:
            self._record(Direction.RX, AttOpcode.WRITE_RESPONSE, characteristic)

    async def subscribe(self, characteristic: str, received: BytesReceived) -> None:
        """Call `received` for each notification or indication."""
        proxy = self._proxy(characteristic)
        opcode = unasked(word for flag, word in _WORDS.items() if proxy.properties & flag)

        def arrived(value: bytes) -> None:
            if self._open:
                data = bytes(value)
                received(self._record(Direction.RX, opcode, characteristic, data), data)

        await self._ask(characteristic, proxy.subscribe(arrived))

    async def close(self) -> None:
        """Disconnect; `lost` is not called for it."""
        if self._open:
            self._open = False
            with contextlib.suppress(BaseBumbleError):
                await self._connection.disconnect()

    def _proxy(self, characteristic: str) -> CharacteristicProxy[bytes]:
        if not self._open:
            raise LinkLost(f"{self.address}: the connection is closed")
        proxy = self._found.get(characteristic)
        if proxy is None:
            raise LinkError(f"{self.address} has no characteristic {characteristic}")
        return proxy

    async def _ask(self, characteristic: str, request: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer: T = await self._connection.cancel_on_disconnection(request)
                return answer
        except (ATT_Error, ProtocolError) as error:
            code = int(error.error_code)
            time_ns = self._record(Direction.RX, AttOpcode.ERROR_RESPONSE, characteristic, bytes([code]))
            raise AttError(code, time_ns) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._open or (task is not None and task.cancelling()):
                raise
            raise LinkLost(f"{self.address}: the device disconnected") from None
        except (BaseBumbleError, TimeoutError) as error:
            reason = f"{self.address}: request failed: {error or type(error).__name__}"
            self._fail(reason)
            raise LinkLost(reason) from error

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


def _text(uuid: core.UUID) -> str:
    """Return a UUID of bumble (which keeps it little-endian) with 128 bits in lower case."""
    return str(UUID(bytes=bytes(reversed(uuid.to_bytes(force_128=True)))))
