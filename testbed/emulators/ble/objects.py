"""The objects that we show on the D-Bus, with the standard interfaces ObjectManager and Properties.

D-Bus Specification 0.43, "Standard Interfaces".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dbus_fast import Message, Variant

from .connection import Connection
from .errors import BusError, unknown_object

OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"

Properties = dict[str, Variant]


class Objects:
    """Paths to interfaces to properties; every change is told to whoever listens."""

    def __init__(self, bus: Connection) -> None:
        self._bus = bus
        self._tree: dict[str, dict[str, Properties]] = {}

    def add(self, path: str, interface: str, properties: Properties) -> None:
        """Show an interface of an object, new or anew."""
        self._tree.setdefault(path, {})[interface] = properties
        self._tell(
            "/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, {interface: dict(properties)}]
        )

    def remove(self, path: str) -> None:
        """Take an object away; nothing happens when it is gone already."""
        interfaces = self._tree.pop(path, None)
        if interfaces is not None:
            self._tell("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [path, list(interfaces)])

    def change(
        self, path: str, interface: str, changed: Properties, *, gone: Iterable[str] = (), bulk: bool = False
    ) -> None:
        """Change properties and take `gone` away; of a `bulk` of changes some may be lost in a jam."""
        properties = self._tree.get(path, {}).get(interface)
        if properties is None:
            return
        properties.update(changed)
        gone = [name for name in gone if properties.pop(name, None) is not None]
        if changed or gone:
            self._tell(
                path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, changed, gone], droppable=bulk
            )

    def has(self, path: str, interface: str) -> bool:
        """Whether an object has an interface."""
        return interface in self._tree.get(path, {})

    def answer(self, call: Message) -> tuple[str, list[Any]]:
        """Answer a call of ObjectManager or Properties: the reply's signature and body.

        Raises BusError for what is not there.
        """
        if call.member == "GetManagedObjects":
            return "a{oa{sa{sv}}}", [self._tree]
        interface = call.body[0] if call.body else ""
        properties = self._tree.get(call.path or "", {}).get(interface)
        if properties is None:
            raise unknown_object(call)
        if call.member == "GetAll":
            return "a{sv}", [properties]
        name = call.body[1]
        if call.member == "Set":
            self.change(call.path or "", interface, {name: call.body[2]})
            return "", []
        if name not in properties:
            raise BusError("org.freedesktop.DBus.Error.InvalidArgs", f"no such property '{name}'")
        return "v", [properties[name]]

    def _tell(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str,
        body: list[Any],
        *,
        droppable: bool = False,
    ) -> None:
        self._bus.post(Message.new_signal(path, interface, member, signature, body), droppable=droppable)
