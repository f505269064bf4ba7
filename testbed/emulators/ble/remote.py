"""A device as BlueZ shows it: org.bluez.Device1 and the GATT objects below it.

BlueZ 5.66, doc/device-api.txt and doc/gatt-api.txt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias, cast

from bumble.core import BaseBumbleError
from bumble.device import Advertisement, Connection, Peer
from bumble.gatt_client import CharacteristicProxy, DescriptorProxy
from dbus_fast import Message, Variant

from testbed.links.bumble_pairing import Passkey

from .errors import BusError, bluez, not_connected, unknown_object
from .objects import Objects, Properties
from .properties import (
    CHARACTERISTIC,
    DESCRIPTOR,
    DEVICE,
    FLAGS,
    SENDS,
    SERVICE,
    advertised,
    characteristic_properties,
    device_properties,
    service_properties,
    uuid_text,
)

_MTU = 517  # what BlueZ asks for
_CCCD = "00002902-0000-1000-8000-00805f9b34fb"

Work = Callable[[], Awaitable[None]]
Spawn = Callable[[Work], None]
"""Runs what goes on beside the calls."""

Proxy: TypeAlias = "CharacteristicProxy[bytes] | DescriptorProxy"
Dial = Callable[[], Awaitable[Connection]]
Secure = Callable[[Connection, "Passkey | None"], Awaitable[None]]
"""Encrypts a connection, pairing if it must; raises BusError."""


class RemoteDevice:
    """One device that was heard; `dial` connects, `secure` encrypts, `spawn` runs what goes on beside."""

    def __init__(
        self, path: str, first: Advertisement, objects: Objects, dial: Dial, secure: Secure, spawn: Spawn
    ) -> None:
        self.path = path
        self._objects = objects
        self._dial = dial
        self._secure = secure
        self._paired = False
        self._spawn = spawn
        self._connection: Connection | None = None
        self._unwanted = False
        self._gatt: dict[str, Proxy | None] = {}
        self._listeners: dict[str, set[str]] = {}
        address = first.address.to_string(with_type_qualifier=False)
        objects.add(path, DEVICE, device_properties(path, address) | advertised(first))

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    def heard(self, advertisement: Advertisement) -> None:
        """Show what the device advertises."""
        self._objects.change(self.path, DEVICE, advertised(advertisement))

    def scan_ended(self) -> None:
        """Forget the signal strength, which is only known while scanning."""
        self._objects.change(self.path, DEVICE, {}, gone=("RSSI", "TxPower"))

    # org.bluez.Device1 ------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect, and go on to discover; returns at once when there is a connection."""
        if self._connection is None:
            connection = await self._open()
            if self._paired:
                await self._encrypt(connection, None)
            self._spawn(partial(self._resolve, connection))

    async def pair(self, ask: Passkey | None) -> None:
        """Connect if need be and pair, with the passkey that `ask` gives; then go on to discover."""
        if self._paired:
            raise bluez("AlreadyExists", "Already Exists")
        fresh = self._connection is None
        connection = self._connection or await self._open()
        await self._encrypt(connection, ask)
        self._paired = True
        self._objects.change(self.path, DEVICE, {"Paired": Variant("b", True), "Bonded": Variant("b", True)})
        if fresh:
            self._spawn(partial(self._resolve, connection))

    async def _open(self) -> Connection:
        self._unwanted = False
        connection = await self._dial()
        if self._unwanted:
            await connection.disconnect()
            raise bluez("Failed", "Software caused connection abort")
        self._connection = connection
        connection.on("disconnection", self._lost)
        self._objects.change(self.path, DEVICE, {"Connected": Variant("b", True)})
        return connection

    async def _encrypt(self, connection: Connection, ask: Passkey | None) -> None:
        try:
            await self._secure(connection, ask)
        except BusError:
            if self._connection is not None:
                await self._connection.disconnect()
            raise

    async def disconnect(self) -> None:
        """Disconnect, or call off a connection that is being made; returns when it is done."""
        self._unwanted = True
        if self._connection is not None:
            await self._connection.disconnect()

    async def _resolve(self, connection: Connection) -> None:
        try:
            await connection.cancel_on_disconnection(self._discover(connection))
        except BaseBumbleError:  # a client would wait for the services for ever
            await connection.disconnect()

    async def _discover(self, connection: Connection) -> None:
        peer = Peer(connection)
        mtu = await peer.request_mtu(_MTU)
        services = await peer.discover_services()
        for service in services:
            path = f"{self.path}/service{service.handle:04x}"
            self._show(path, SERVICE, None, service_properties(self.path, uuid_text(service.uuid)))
            for characteristic in await peer.discover_characteristics(service=service):
                await self._show_characteristic(peer, path, characteristic, mtu)
        uuids = Variant("as", [uuid_text(service.uuid) for service in services])
        self._objects.change(self.path, DEVICE, {"UUIDs": uuids, "ServicesResolved": Variant("b", True)})

    async def _show_characteristic(
        self, peer: Peer, service: str, characteristic: CharacteristicProxy[bytes], mtu: int
    ) -> None:
        # BlueZ names a characteristic by its declaration, which stands one handle before its value.
        path = f"{service}/char{characteristic.handle - 1:04x}"
        self._show(
            path, CHARACTERISTIC, characteristic, characteristic_properties(service, characteristic, mtu)
        )
        for descriptor in await peer.discover_descriptors(characteristic):
            properties = {
                "UUID": Variant("s", uuid_text(descriptor.type)),
                "Characteristic": Variant("o", path),
                "Value": Variant("ay", b""),
            }
            self._show(f"{path}/desc{descriptor.handle:04x}", DESCRIPTOR, descriptor, properties)

    def _show(self, path: str, interface: str, proxy: Proxy | None, properties: Properties) -> None:
        self._gatt[path] = proxy
        self._objects.add(path, interface, properties)

    def _lost(self, reason: int) -> None:
        self._connection = None
        self._listeners.clear()
        self._objects.change(self.path, DEVICE, {"ServicesResolved": Variant("b", False)})
        for path in sorted(self._gatt, reverse=True):
            self._objects.remove(path)
        self._gatt.clear()
        self._objects.change(self.path, DEVICE, {"Connected": Variant("b", False)})

    # org.bluez.GattCharacteristic1 and GattDescriptor1 ------------------------------------------

    async def gatt(self, call: Message) -> tuple[str, list[Any]]:
        """Answer a call to one of the device's GATT objects; raises BusError or ATT_Error.

        Ends as cancelled when the connection is lost meanwhile.
        """
        proxy = self._gatt.get(call.path or "")
        if self._connection is None or proxy is None:
            raise not_connected()
        # bumble itself ends only the request that is on the air; those behind it would wait half a minute.
        work = self._connection.cancel_on_disconnection(self._perform(proxy, call))
        return cast(tuple[str, list[Any]], await work)

    async def _perform(self, proxy: Proxy, call: Message) -> tuple[str, list[Any]]:
        path = call.path or ""
        if call.member == "ReadValue":
            value = bytes(await proxy.read_value())
            # BlueZ shows what was read as a change of the value; so a subscriber hears it as well.
            self._objects.change(path, call.interface or "", {"Value": Variant("ay", value)})
            return "ay", [value]
        if call.member == "WriteValue":
            await self._write(proxy, bytes(call.body[0]), call.body[1])
        elif call.member == "StartNotify" and isinstance(proxy, CharacteristicProxy):
            await self._start_notify(path, proxy, call.sender or "")
        elif call.member == "StopNotify" and isinstance(proxy, CharacteristicProxy):
            await self._stop_notify(path, call.sender or "")
        else:
            raise unknown_object(call)
        return "", []

    async def client_left(self, client: str) -> None:
        """Unsubscribe what a program subscribed to that is gone."""
        for path in [path for path, clients in self._listeners.items() if client in clients]:
            await self._stop_notify(path, client)

    async def _write(self, proxy: Proxy, value: bytes, options: dict[str, Variant]) -> None:
        if isinstance(proxy, DescriptorProxy):
            if uuid_text(proxy.type) == _CCCD:
                raise bluez("NotPermitted", "Write not permitted")
            await proxy.write_value(value, with_response=True)
            return
        kind = options["type"].value if "type" in options else "request"
        response = kind != "command"
        if not int(proxy.properties) & FLAGS["write" if response else "write-without-response"]:
            raise bluez("NotSupported", "Operation is not supported")
        await proxy.write_value(value, with_response=response)

    async def _start_notify(self, path: str, proxy: CharacteristicProxy[bytes], client: str) -> None:
        if not int(proxy.properties) & SENDS:
            raise bluez("NotSupported", "Operation is not supported")
        listeners = self._listeners.setdefault(path, set())
        first = not listeners
        listeners.add(client)
        if first:
            try:
                await proxy.subscribe(lambda value: self._notified(path, value))
            except BaseException:
                self._listeners.pop(path, None)
                raise
        self._objects.change(path, CHARACTERISTIC, {"Notifying": Variant("b", True)})

    async def _stop_notify(self, path: str, client: str) -> None:
        listeners = self._listeners.get(path, set())
        if client not in listeners:
            raise bluez("Failed", "No notify session started")
        listeners.discard(client)
        proxy = self._gatt.get(path)
        if not listeners and isinstance(proxy, CharacteristicProxy):
            del self._listeners[path]
            await proxy.unsubscribe()
            self._objects.change(path, CHARACTERISTIC, {"Notifying": Variant("b", False)})

    def _notified(self, path: str, value: bytes) -> None:
        self._objects.change(path, CHARACTERISTIC, {"Value": Variant("ay", bytes(value))}, bulk=True)
