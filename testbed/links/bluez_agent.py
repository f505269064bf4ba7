"""Who answers when BlueZ asks for a passkey: an org.bluez.Agent1 (BlueZ 5.66, doc/agent-api.txt)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from .base import LinkLost
from .dbus import hang_up

_PATH = "/org/testbed/agent"
_AGENT, _MANAGER = "org.bluez.Agent1", "org.bluez.AgentManager1"


@contextlib.asynccontextmanager
async def passkey_agent(passkey: int | None) -> AsyncIterator[None]:
    """Type `passkey` for whoever is paired with while the block runs; None: nobody is asked.

    Raises LinkLost when BlueZ takes no agent.
    """
    if passkey is None:
        yield
        return
    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        await bus.connect()
        bus.add_message_handler(lambda call: _answered(call, passkey))
        await _manage(bus, "RegisterAgent", "os", [_PATH, "KeyboardOnly"])
        # bleak pairs over a D-Bus connection of its own, which has no agent: it gets the default one.
        await _manage(bus, "RequestDefaultAgent", "o", [_PATH])
        yield
    finally:
        await hang_up(bus)  # BlueZ forgets the agents of who leaves


async def _manage(bus: MessageBus, member: str, signature: str, body: list[Any]) -> None:
    reply = await bus.call(
        Message("org.bluez", "/org/bluez", _MANAGER, member, signature=signature, body=body)
    )
    if reply is None or reply.message_type is MessageType.ERROR:
        reason = reply.body[0] if reply is not None and reply.body else "no answer"
        raise LinkLost(f"BlueZ takes nobody who types a passkey ({member}: {reason})")


def _answered(call: Message, passkey: int) -> Message | None:
    if call.message_type is not MessageType.METHOD_CALL or call.interface != _AGENT:
        return None
    if call.member == "RequestPasskey":
        return Message.new_method_return(call, "u", [passkey])
    if call.member in ("Release", "Cancel"):
        return Message.new_method_return(call)
    # To be asked whether a number is right is to be asked something that nobody here can see.
    return Message.new_error(call, "org.bluez.Error.Rejected", "only a passkey can be given")
