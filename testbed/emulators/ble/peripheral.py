"""An emulated BLE device: a GATT server made from a profile, over the device's store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from bumble.att import ATT_Error, ATT_Handle_Value_Notification, Attribute
from bumble.core import UUID
from bumble.device import Connection
from bumble.gatt import Characteristic as ServedCharacteristic
from bumble.gatt import CharacteristicValue, Service

from testbed.clock import NS, Clock, Ticker
from testbed.emulators.base import EmulatedDevice
from testbed.protocols.gatt import Characteristic, GattSettings, characteristics, uuid16
from testbed.signals import Access

from .advertising import advertising_data
from .radio import Radio, heed_cancellation

# ATT errors, Core Specification 5.4, vol 3 part F, 3.4.1.1.
_READ_NOT_PERMITTED, _WRITE_NOT_PERMITTED = 0x02, 0x03
_INVALID_LENGTH, _UNLIKELY, _VALUE_NOT_ALLOWED = 0x0D, 0x0E, 0x13

_CONNECTION_TIMEOUT = 0x08  # what a central sees when a device goes out of range (vol 1 part F, 2.8)
_OFF_SECONDS = 2.0

_FLAGS = {
    Access.READ: ServedCharacteristic.Properties.READ,
    Access.NOTIFY: ServedCharacteristic.Properties.READ | ServedCharacteristic.Properties.NOTIFY,
    Access.WRITE: ServedCharacteristic.Properties.WRITE
    | ServedCharacteristic.Properties.WRITE_WITHOUT_RESPONSE,
}  # fmt: skip


class Peripheral:
    """Answers for one device while `run` runs; `unplug` takes it off the air and `plug` back."""

    def __init__(
        self, emulated: EmulatedDevice, radio: Radio, clock: Clock, log: Callable[[str], None]
    ) -> None:
        device = emulated.device
        settings = device.profile.settings(GattSettings)
        self.device = device
        self.address = device.wire.host
        self._store = emulated.store
        self._clock = clock
        self._log = log
        self._plugged = True
        self._changed = asyncio.Event()
        self._connection: Connection | None = None
        self._tickers: dict[int, Ticker] = {}
        self._speechless: set[int] = set()
        self._bumble = radio.device(settings.advertised_name or device.name, self.address)
        served = characteristics(device.profile)
        self._bumble.add_services(self._services(served))
        services = [each.service for each in served]
        self._bumble.advertising_data = advertising_data(settings.advertised_name, services)
        self._bumble.on("connection", self._connected)

    def plug(self) -> None:
        """Advertise again; nothing happens when it does."""
        self._plugged = True
        self._changed.set()

    def unplug(self) -> None:
        """Go off the air, as a device whose battery is pulled; nothing happens when it is."""
        self._plugged = False
        self._changed.set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Be a device until cancelled; calls `ready` once it advertises."""
        await self._bumble.power_on()
        try:
            await self._settle()
            heed_cancellation()
            ready()
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._settle()
                heed_cancellation()
        finally:
            self._silence()

    async def _settle(self) -> None:
        """Make the air as it should be: advertising while free, silent while unplugged."""
        if self._plugged and self._connection is None:
            if self._bumble.legacy_advertiser is None:
                await self._bumble.start_advertising()
        elif not self._plugged:
            await self._bumble.stop_advertising()
            if self._connection is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_OFF_SECONDS):
                        await self._connection.disconnect(_CONNECTION_TIMEOUT)

    def _connected(self, connection: Connection) -> None:
        self._connection = connection
        connection.on("disconnection", self._disconnected)
        self._changed.set()

    def _disconnected(self, reason: int) -> None:
        self._connection = None
        self._silence()
        self._changed.set()

    # What it serves ---------------------------------------------------------------------------

    def _services(self, served: list[Characteristic]) -> list[Service]:
        grouped: dict[str, list[ServedCharacteristic[bytes]]] = {}
        for each in served:
            grouped.setdefault(each.service, []).append(self._served(each))
        return [Service(_bumble_uuid(uuid), members) for uuid, members in grouped.items()]

    def _served(self, each: Characteristic) -> ServedCharacteristic[bytes]:
        accesses = {self.device.signals[name].access for name in each.fields}
        flags = ServedCharacteristic.Properties(0)
        for access in accesses:
            flags |= _FLAGS[access]

        def read(connection: Connection) -> bytes:
            if accesses == {Access.WRITE}:
                raise ATT_Error(_READ_NOT_PERMITTED)
            try:
                return self._value(each)
            except ValueError as error:
                raise ATT_Error(_UNLIKELY, message=str(error)) from error

        def write(connection: Connection, data: bytes) -> None:
            if Access.WRITE not in accesses:
                raise ATT_Error(_WRITE_NOT_PERMITTED)
            self._written(each, data)

        permissions = Attribute.Permissions.READABLE | Attribute.Permissions.WRITEABLE
        served = ServedCharacteristic(
            _bumble_uuid(each.uuid), flags, permissions, CharacteristicValue(read=read, write=write)
        )
        served.on(
            served.EVENT_SUBSCRIPTION,
            lambda connection, notify, indicate: self._subscribed(each, served, notify),
        )
        return served

    def _value(self, each: Characteristic) -> bytes:
        return each.encode({name: self._store.read(name) for name in each.fields})

    def _written(self, each: Characteristic, data: bytes) -> None:
        """Take what the central wrote; raises ATT_Error as a careful device does."""
        name, field = next(item for item in each.fields.items() if self._writable(item[0]))
        if len(data) != field.type.size:
            raise ATT_Error(_INVALID_LENGTH)
        value = field.unpack(data)
        limits = self.device.signals[name].limits
        # A limit that the wire rounds is still the limit: half a count, or a float's precision.
        slack = 1e-6 * max(map(abs, limits or (1.0,))) if field.type.is_float else abs(field.scale) / 2
        if value is None or (limits and not limits[0] - slack <= value <= limits[1] + slack):
            raise ATT_Error(_VALUE_NOT_ALLOWED)
        for other in each.fields:
            if other != name and each.fields[other] == field:
                self._store.set(other, value)  # the same bytes, so they read back as written
        self._store.command(name, value)

    def _writable(self, name: str) -> bool:
        return self.device.signals[name].writable

    # Notifications ----------------------------------------------------------------------------

    def _subscribed(self, each: Characteristic, served: ServedCharacteristic[bytes], notify: bool) -> None:
        if (ticker := self._tickers.pop(served.handle, None)) is not None:
            ticker.cancel()
        if notify:
            self._tickers[served.handle] = self._clock.every(
                self._period_ns(each), lambda: self._notify(each, served)
            )

    def _period_ns(self, each: Characteristic) -> int:
        signals = [self.device.signals[name] for name in each.fields]
        periods = [
            signal.period_ns for signal in signals if signal.access is Access.NOTIFY and signal.period_ns
        ]
        return min(periods, default=NS)

    def _notify(self, each: Characteristic, served: ServedCharacteristic[bytes]) -> None:
        if self._connection is None:
            return
        try:
            value = self._value(each)
        except ValueError as error:  # a device without a value to send is silent
            if served.handle not in self._speechless:
                self._speechless.add(served.handle)
                self._log(f"{self.device.name}: nothing sent: {error}")
            return
        self._speechless.discard(served.handle)
        # bumble's notify_subscriber does the same in a task of its own, and once more formats a log line.
        notification = ATT_Handle_Value_Notification(attribute_handle=served.handle, attribute_value=value)
        self._bumble.gatt_server.send_gatt_pdu(self._connection, bytes(notification))

    def _silence(self) -> None:
        for ticker in self._tickers.values():
            ticker.cancel()
        self._tickers.clear()


def _bumble_uuid(uuid: str) -> UUID:
    """Return a UUID in its shortest form, as devices send it."""
    short = uuid16(uuid)
    return UUID(uuid) if short is None else UUID.from_16_bits(short)
