"""An emulated BLE device: a GATT server made from a profile, over the device's store."""

from __future__ import annotations

from collections.abc import Callable

from bumble.att import ATT_Error
from bumble.device import Connection
from bumble.gatt import Characteristic as ServedCharacteristic
from bumble.gatt import CharacteristicValue

from testbed.clock import NS, Clock, Ticker
from testbed.emulators.base import EmulatedDevice
from testbed.protocols.gatt import Characteristic, GattSettings, Pairing, characteristics, information
from testbed.signals import Access

from .pairing import PERMISSIONS, shown
from .presence import Presence, bumble_uuid
from .radio import Radio

# ATT errors, Core Specification 5.4, vol 3 part F, 3.4.1.1.
_READ_NOT_PERMITTED, _WRITE_NOT_PERMITTED, _INSUFFICIENT_AUTHENTICATION = 0x02, 0x03, 0x05
_INVALID_LENGTH, _UNLIKELY, _VALUE_NOT_ALLOWED = 0x0D, 0x0E, 0x13

_FLAGS = {
    Access.READ: ServedCharacteristic.Properties.READ,
    Access.NOTIFY: ServedCharacteristic.Properties.READ | ServedCharacteristic.Properties.NOTIFY,
    Access.WRITE: ServedCharacteristic.Properties.WRITE
    | ServedCharacteristic.Properties.WRITE_WITHOUT_RESPONSE,
}  # fmt: skip


class Peripheral:
    """Answers for one device while its `presence` runs."""

    def __init__(
        self, emulated: EmulatedDevice, radio: Radio, clock: Clock, log: Callable[[str], None]
    ) -> None:
        device = emulated.device
        settings = device.profile.settings(GattSettings)
        self._pairing = settings.pairing
        self._information = settings.information
        self.device = device
        self._store = emulated.store
        self._clock = clock
        self._log = log
        self._tickers: dict[int, Ticker] = {}
        self._speechless: set[int] = set()
        self._refused: tuple[str, int] | None = None
        self.presence = Presence(radio, device, self._services(), self._silence)
        passkey = shown(settings) if settings.pairing is Pairing.PASSKEY else 0
        self.presence.pair_by(settings.pairing, passkey)

    # What it serves ---------------------------------------------------------------------------

    def _services(self) -> list[tuple[str, list[ServedCharacteristic[bytes]]]]:
        grouped: dict[str, list[ServedCharacteristic[bytes]]] = {}
        for each in characteristics(self.device.profile):
            grouped.setdefault(each.service, []).append(self._served(each))
        for uuid, text in (self._information.texts() if self._information else {}).items():
            grouped.setdefault(information.SERVICE, []).append(self._said(uuid, text))
        return list(grouped.items())

    def _said(self, uuid: str, text: str) -> ServedCharacteristic[bytes]:
        readable = ServedCharacteristic.Properties.READ
        return ServedCharacteristic(bumble_uuid(uuid), readable, PERMISSIONS[self._pairing], text.encode())

    def _served(self, each: Characteristic) -> ServedCharacteristic[bytes]:
        accesses = {self.device.signals[name].access for name in each.fields}
        flags = ServedCharacteristic.Properties(0)
        for access in accesses:
            flags |= _FLAGS[access]
        if each.indicates:
            flags ^= ServedCharacteristic.Properties.NOTIFY | ServedCharacteristic.Properties.INDICATE

        def read(connection: Connection) -> bytes:
            self._check(connection, each)
            if accesses == {Access.WRITE}:
                raise ATT_Error(_READ_NOT_PERMITTED)
            try:
                return self._value(each)
            except ValueError as error:
                raise ATT_Error(_UNLIKELY, message=str(error)) from error

        def write(connection: Connection, data: bytes) -> None:
            self._check(connection, each)
            if Access.WRITE not in accesses:
                raise ATT_Error(_WRITE_NOT_PERMITTED)
            self._written(each, data)

        permissions = PERMISSIONS[self._pairing]
        served = ServedCharacteristic(
            bumble_uuid(each.uuid), flags, permissions, CharacteristicValue(read=read, write=write)
        )
        served.on(
            served.EVENT_SUBSCRIPTION,
            lambda connection, notify, indicate: self._subscribed(each, served, notify or indicate),
        )
        return served

    def refuse(self, signal: str, code: int) -> None:
        """Answer what concerns the characteristic of a signal with an ATT error, whatever is asked."""
        self._refused = signal, code

    def refuse_nothing(self) -> None:
        """Answer as one should again."""
        self._refused = None

    def _check(self, connection: Connection, each: Characteristic) -> None:
        trusted = str(connection.peer_address) in self.presence.trusted
        if self._pairing is Pairing.PASSKEY and not trusted:
            raise ATT_Error(_INSUFFICIENT_AUTHENTICATION)
        if self._refused is not None and self._refused[0] in each.fields:
            raise ATT_Error(self._refused[1])

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
        slack = 1e-6 * max(map(abs, limits or (1.0,))) if not field.type.is_whole else abs(field.scale) / 2
        if value is None or (limits and not limits[0] - slack <= value <= limits[1] + slack):
            raise ATT_Error(_VALUE_NOT_ALLOWED)
        for other in each.fields:
            if other != name and each.fields[other] == field:
                self._store.set(other, value)  # the same bytes, so they read back as written
        self._store.command(name, value)

    def _writable(self, name: str) -> bool:
        return self.device.signals[name].writable

    # Notifications ----------------------------------------------------------------------------

    def _subscribed(self, each: Characteristic, served: ServedCharacteristic[bytes], wanted: bool) -> None:
        if (ticker := self._tickers.pop(served.handle, None)) is not None:
            ticker.cancel()
        if wanted:
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
        try:
            value = self._value(each)
        except ValueError as error:  # a device without a value to send is silent
            if served.handle not in self._speechless:
                self._speechless.add(served.handle)
                self._log(f"{self.device.name}: nothing sent: {error}")
            return
        self._speechless.discard(served.handle)
        send = self.presence.indicate if each.indicates else self.presence.notify
        send(served, value)

    def _silence(self) -> None:
        for ticker in self._tickers.values():
            ticker.cancel()
        self._tickers.clear()
