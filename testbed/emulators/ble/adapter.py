"""The Bluetooth adapter as BlueZ shows it: org.bluez.Adapter1 (BlueZ 5.66, doc/adapter-api.txt)."""

from __future__ import annotations

import asyncio
from typing import Any

from bumble.core import BaseBumbleError
from bumble.device import Advertisement, Connection
from bumble.device import Device as Central
from dbus_fast import Message, Variant

from testbed.clock import NS, Clock
from testbed.links.base import LinkLost
from testbed.links.bumble_pairing import Passkey, secure

from .errors import bluez, unknown_object
from .objects import Objects
from .remote import RemoteDevice, Spawn

ADAPTER = "org.bluez.Adapter1"
ADAPTER_PATH = "/org/bluez/hci0"

_CONNECT_SECONDS = 4.0
_TELL_EVERY_NS = NS // 2  # an unchanged advertisement is told about as often as the kernel and BlueZ do


class Adapter:
    """Scans and connects with a virtual controller; keeps the devices that were heard."""

    def __init__(self, central: Central, objects: Objects, clock: Clock, spawn: Spawn) -> None:
        self.devices: dict[str, RemoteDevice] = {}
        self._central = central
        self._objects = objects
        self._clock = clock
        self._spawn = spawn
        self._scanners: set[str] = set()
        self._told_ns: dict[str, int] = {}
        self._dialing = asyncio.Lock()
        self._switching = asyncio.Lock()
        central.on("advertisement", self._heard)

    async def start(self) -> None:
        """Power on and appear."""
        await self._central.power_on()
        name = "testbed virtual adapter"
        properties = {
            "Address": Variant("s", self._central.random_address.to_string(with_type_qualifier=False)),
            "AddressType": Variant("s", "random"),
            "Name": Variant("s", name),
            "Alias": Variant("s", name),
            "Powered": Variant("b", True),
            "Discoverable": Variant("b", False),
            "Pairable": Variant("b", False),
            "Discovering": Variant("b", False),
            "Roles": Variant("as", ["central"]),
            "UUIDs": Variant("as", []),
        }
        self._objects.add(ADAPTER_PATH, ADAPTER, properties)

    async def call(self, call: Message) -> tuple[str, list[Any]]:
        """Answer a call to the adapter; raises BusError."""
        client = call.sender or ""
        if call.member == "StartDiscovery":
            if client in self._scanners:
                raise bluez("InProgress", "Operation already in progress")
            self._scanners.add(client)
            await self._switch()
        elif call.member == "StopDiscovery":
            if client not in self._scanners:
                raise bluez("Failed", "No discovery started")
            self._scanners.discard(client)
            await self._switch()
        elif call.member == "RemoveDevice":
            await self._remove(call.body[0])
        elif call.member != "SetDiscoveryFilter":  # everything on this air is LE and near
            raise unknown_object(call)
        return "", []

    async def client_left(self, client: str) -> None:
        """End what a program that is gone left running."""
        self._scanners.discard(client)
        await self._switch()
        for device in list(self.devices.values()):
            await device.client_left(client)

    async def _switch(self) -> None:
        """Scan if and only if somebody asked for it."""
        async with self._switching:
            scanning = self._central.is_scanning
            if self._scanners and not scanning:
                self._told_ns.clear()
                await self._central.start_scanning(filter_duplicates=False)
                self._objects.change(ADAPTER_PATH, ADAPTER, {"Discovering": Variant("b", True)})
            elif not self._scanners and scanning:
                await self._central.stop_scanning()
                self._objects.change(ADAPTER_PATH, ADAPTER, {"Discovering": Variant("b", False)})
                for device in self.devices.values():
                    device.scan_ended()

    def _heard(self, advertisement: Advertisement) -> None:
        address = advertisement.address.to_string(with_type_qualifier=False)
        now_ns = self._clock.now()
        if not self._scanners or now_ns - self._told_ns.get(address, 0) < _TELL_EVERY_NS:
            return
        self._told_ns[address] = now_ns
        path = f"{ADAPTER_PATH}/dev_{address.replace(':', '_')}"
        if path in self.devices:
            self.devices[path].heard(advertisement)
        else:
            self.devices[path] = RemoteDevice(
                path,
                advertisement,
                self._objects,
                lambda: self._dial(advertisement),
                self._secure,
                self._spawn,
            )

    async def _dial(self, advertisement: Advertisement) -> Connection:
        """Connect to what advertised; one at a time, as a controller can (vol 4 part E, 7.8.12)."""
        async with self._dialing:
            try:
                return await self._central.connect(advertisement.address, timeout=_CONNECT_SECONDS)
            except BaseBumbleError as error:
                raise bluez("Failed", "Software caused connection abort") from error

    async def _secure(self, connection: Connection, ask: Passkey | None) -> None:
        try:
            await secure(self._central, connection, ask)
        except LinkLost as error:
            raise bluez("AuthenticationFailed", "Authentication Failed") from error

    async def _remove(self, path: str) -> None:
        device = self.devices.pop(path, None)
        if device is None:
            raise bluez("DoesNotExist", "Does Not Exist")
        await device.disconnect()
        if self._central.keystore is not None:
            await self._central.keystore.delete(device.address)
        self._objects.remove(path)
