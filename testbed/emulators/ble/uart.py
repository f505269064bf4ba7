"""An emulated device that speaks in bytes, behind Nordic's UART Service."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from bumble.att import Attribute
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue

from testbed.clock import Clock
from testbed.emulators.base import EmulatedDevice
from testbed.emulators.serial_port import SerialDevice
from testbed.errors import UsageError
from testbed.links.nus import FROM_DEVICE, HEADER, SERVICE, TO_DEVICE

from .presence import Presence, bumble_uuid
from .radio import Radio

Make = Callable[[EmulatedDevice, Callable[[bytes], None]], SerialDevice]


class UartPeripheral:
    """Passes bytes on between the air and a device made by its protocol's emulator."""

    def __init__(self, each: EmulatedDevice, radio: Radio, clock: Clock) -> None:
        self.device = each.device
        self._clock = clock
        self._listening = False
        self._served = self._from_device()
        services = [(SERVICE, [self._to_device(), self._served])]
        self.presence = Presence(radio, each.device, services, self._left)
        self._speaker = _maker(each.device.profile.protocol)(each, self._write)

    @contextlib.contextmanager
    def speaking(self) -> Iterator[None]:
        """Let the device do what it does unasked, while the block runs."""
        tickers = self._speaker.start(self._clock)
        try:
            yield
        finally:
            for ticker in tickers:
                ticker.cancel()

    def _to_device(self) -> Characteristic[bytes]:
        flags = Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE

        def write(connection: Connection, data: bytes) -> None:
            self._speaker.received(self._clock.now(), bytes(data))

        value = CharacteristicValue(write=write)
        return Characteristic(bumble_uuid(TO_DEVICE), flags, Attribute.Permissions.WRITEABLE, value)

    def _from_device(self) -> Characteristic[bytes]:
        flags, readable = Characteristic.Properties.NOTIFY, Attribute.Permissions.READABLE
        served: Characteristic[bytes] = Characteristic(bumble_uuid(FROM_DEVICE), flags, readable, b"")
        served.on(served.EVENT_SUBSCRIPTION, self._subscribed)
        return served

    def _subscribed(self, connection: Connection, notify: bool, indicate: bool) -> None:
        self._listening = notify

    def _write(self, data: bytes) -> None:
        """Send to the controller, into the void when nobody listens."""
        if self._listening:
            size = self.presence.mtu - HEADER
            for start in range(0, len(data), size):
                self.presence.notify(self._served, data[start : start + size])

    def _left(self) -> None:
        self._listening = False


def _maker(protocol: str) -> Make:
    """Return what makes a device of a protocol; raises UsageError for one that is no stream of bytes."""
    if protocol == "scpi":
        from testbed.emulators.scpi import ScpiInstrument

        return ScpiInstrument
    if protocol == "cobs":
        from testbed.emulators.cobs import CobsBoard

        return CobsBoard
    if protocol == "text":
        from testbed.emulators.text import Talker

        return Talker
    raise UsageError(f"devices of protocol {protocol} cannot be emulated behind nus://")
