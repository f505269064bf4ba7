"""Who types passkeys for the adapter: org.bluez.AgentManager1 (BlueZ 5.66, doc/agent-api.txt)."""

from __future__ import annotations

from typing import Any

from dbus_fast import Message, MessageType

from testbed.links.bumble_pairing import Passkey

from .connection import Connection
from .errors import bluez, unknown_object
from .objects import Objects

MANAGER = "org.bluez.AgentManager1"
MANAGER_PATH = "/org/bluez"
_AGENT = "org.bluez.Agent1"
_SILENT = ("NoInputNoOutput", "DisplayOnly", "DisplayYesNo")  # who cannot type


class Agents:
    """The agents of programs, by the D-Bus name of each; one is the default for those without."""

    def __init__(self, bus: Connection, objects: Objects) -> None:
        self._bus = bus
        self._agents: dict[str, str] = {}
        self._default = ""
        objects.add(MANAGER_PATH, MANAGER, {})

    def call(self, call: Message) -> tuple[str, list[Any]]:
        """Answer a call to the manager; raises BusError."""
        client = call.sender or ""
        if call.member == "RegisterAgent":
            if client in self._agents:
                raise bluez("AlreadyExists", "Already Exists")
            if call.body[1] not in _SILENT:
                self._agents[client] = call.body[0]
        elif call.member == "RequestDefaultAgent":
            self._default = client
        elif call.member == "UnregisterAgent":
            self.client_left(client)
        else:
            raise unknown_object(call)
        return "", []

    def client_left(self, client: str) -> None:
        """Forget the agent of a program that is gone."""
        self._agents.pop(client, None)
        if self._default == client:
            self._default = ""

    def typing_for(self, client: str, device: str) -> Passkey | None:
        """Return what asks for the passkey of a device that `client` pairs with; None: nobody can type."""
        who = client if client in self._agents else self._default
        path = self._agents.get(who)
        if path is None:
            return None

        async def ask() -> int | None:
            reply = await self._bus.call(
                Message(who, path, _AGENT, "RequestPasskey", signature="o", body=[device])
            )
            refused = reply is None or reply.message_type is MessageType.ERROR
            return None if refused else int(reply.body[0])

        return ask
