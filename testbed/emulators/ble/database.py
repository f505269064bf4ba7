"""A device's GATT database as BlueZ shows it: services, characteristics and descriptors below the device.

BlueZ 5.66, doc/gatt-api.txt.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from bumble.device import Peer
from bumble.gatt_client import CharacteristicProxy, DescriptorProxy
from dbus_fast import Message, Variant

from .errors import bluez, not_connected, unknown_object
from .objects import Objects, Properties
from .properties import (
    CHARACTERISTIC,
    DESCRIPTOR,
    FLAGS,
    SENDS,
    SERVICE,
    characteristic_properties,
    service_properties,
    uuid_text,
)

_MTU = 517  # what BlueZ asks for
_CCCD = "00002902-0000-1000-8000-00805f9b34fb"

Proxy: TypeAlias = "CharacteristicProxy[bytes] | DescriptorProxy"


class Database:
    """What a connected device offers, and who listens to it."""

    def __init__(self, device: str, objects: Objects) -> None:
        self._device = device
        self._objects = objects
        self._gatt: dict[str, Proxy | None] = {}
        self._listeners: dict[str, set[str]] = {}

    async def discover(self, peer: Peer) -> list[str]:
        """Agree on the MTU and show all that the device has; returns the UUIDs of its services."""
        mtu = await peer.request_mtu(_MTU)
        services = await peer.discover_services()
        for service in services:
            path = f"{self._device}/service{service.handle:04x}"
            self._show(path, SERVICE, None, service_properties(self._device, uuid_text(service.uuid)))
            for characteristic in await peer.discover_characteristics(service=service):
                await self._show_characteristic(peer, path, characteristic, mtu)
        return [uuid_text(service.uuid) for service in services]

    def clear(self) -> None:
        """Show nothing any more: the connection is lost."""
        self._listeners.clear()
        for path in sorted(self._gatt, reverse=True):
            self._objects.remove(path)
        self._gatt.clear()

    async def client_left(self, client: str) -> None:
        """Unsubscribe what a program subscribed to that is gone."""
        for path in [path for path, clients in self._listeners.items() if client in clients]:
            await self._stop_notify(path, client)

    async def answer(self, call: Message) -> tuple[str, list[Any]]:
        """Answer a call to one of the objects; raises BusError or ATT_Error."""
        path = call.path or ""
        proxy = self._gatt.get(path)
        if proxy is None:
            raise not_connected()
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
