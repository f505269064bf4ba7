"""BlueZ's face on the D-Bus (org.bluez), with a virtual adapter behind it.

Just as much as a GATT client needs: scanning, connecting, pairing, discovery, reads, writes, notifications
and BlueZ's errors. Unmodified bleak takes it for the real thing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from bumble.att import ATT_Error
from bumble.core import BaseBumbleError
from bumble.device import Device as Central
from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.constants import RequestNameReply

from testbed.clock import Clock
from testbed.errors import TestbedError

from .adapter import ADAPTER, ADAPTER_PATH, Adapter
from .agents import MANAGER, Agents
from .connection import Connection
from .errors import BusError, bluez, from_att, not_connected, unknown_object
from .objects import OBJECT_MANAGER, PROPERTIES, Objects
from .properties import CHARACTERISTIC, DESCRIPTOR, DEVICE
from .radio import heed_cancellation
from .remote import Work

_NAME = "org.bluez"
_DBUS = "org.freedesktop.DBus"
_DEVICE_DEPTH = 5  # /org/bluez/hci0/dev_...: what precedes is empty, org, bluez, hci0
_STOP_SECONDS = 0.2
_logger = logging.getLogger(__name__)


class Facade:
    """Answers what clients of BlueZ ask, each call in a task of its own, all ended by `stop`."""

    def __init__(self, bus: Connection, central: Central, clock: Clock) -> None:
        self._bus = bus
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._objects = Objects(bus)
        self._adapter = Adapter(central, self._objects, clock, self._spawn)
        self._agents = Agents(bus, self._objects)

    async def start(self) -> None:
        """Power the adapter on, listen, and take BlueZ's name; raises TestbedError when it is taken."""
        await self._adapter.start()
        self._bus.add_message_handler(self._received)
        rule = f"type='signal',sender='{_DBUS}',member='NameOwnerChanged'"
        await self._bus.call(
            Message(_DBUS, "/org/freedesktop/DBus", _DBUS, "AddMatch", signature="s", body=[rule])
        )
        if await self._bus.request_name(_NAME) is not RequestNameReply.PRIMARY_OWNER:
            raise TestbedError(f"the name {_NAME} is taken on the private D-Bus")

    async def stop(self) -> None:
        """Answer nobody any more; returns when nothing is under way."""
        self._stopped = True
        while self._tasks:  # more than once, because bumble may lose a cancellation (see radio.py)
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(list(self._tasks), timeout=_STOP_SECONDS)

    def _received(self, message: Message) -> Message | bool | None:
        if message.message_type is MessageType.SIGNAL:
            if message.member == "NameOwnerChanged" and not message.body[2]:
                self._agents.client_left(message.body[0])
                self._spawn(partial(self._adapter.client_left, message.body[0]))
            return None
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.interface in (OBJECT_MANAGER, PROPERTIES):
            self._reply(message, self._answered(message))
            return True
        if message.interface and message.interface.startswith(_NAME):
            self._spawn(partial(self._answer, message))
            return True
        return None  # Peer and Introspectable, which dbus-fast answers itself

    def _answered(self, call: Message) -> Message:
        try:
            return Message.new_method_return(call, *self._objects.answer(call))
        except BusError as error:
            return Message.new_error(call, error.name, error.text)

    async def _answer(self, call: Message) -> None:
        try:
            reply = Message.new_method_return(call, *await self._perform(call))
        except Exception as error:
            failure = _as_bus_error(error)
            reply = Message.new_error(call, failure.name, failure.text)
        except asyncio.CancelledError:
            # bumble cancels the requests of a connection that is lost; we ourselves may be cancelled too.
            failure = not_connected()
            reply = Message.new_error(call, failure.name, failure.text)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                self._reply(call, reply)
                raise
        self._reply(call, reply)

    async def _perform(self, call: Message) -> tuple[str, list[Any]]:
        path, interface = call.path or "", call.interface or ""
        if not self._objects.has(path, interface):
            raise unknown_object(call)
        if interface == ADAPTER and path == ADAPTER_PATH:
            return await self._adapter.call(call)
        if interface == MANAGER:
            return self._agents.call(call)
        device = self._adapter.devices["/".join(path.split("/")[:_DEVICE_DEPTH])]
        if interface in (CHARACTERISTIC, DESCRIPTOR):
            return await device.gatt(call)
        if interface == DEVICE and call.member == "Connect":
            await device.connect()
        elif interface == DEVICE and call.member == "Pair":
            await device.pair(self._agents.typing_for(call.sender or "", path))
        elif interface == DEVICE and call.member == "Disconnect":
            await device.disconnect()
        else:
            raise unknown_object(call)
        return "", []

    def _reply(self, call: Message, reply: Message) -> None:
        if not call.flags & MessageFlag.NO_REPLY_EXPECTED:
            self._bus.post(reply)

    def _spawn(self, work: Work) -> None:
        if not self._stopped:
            task = asyncio.create_task(_guarded(work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _guarded(work: Work) -> None:
    """Run what nobody waits for: a device that leaves meanwhile is no fault of the adapter."""
    try:
        await work()
    except (BusError, BaseBumbleError, AssertionError) as error:
        _logger.debug("given up: %r", error)


def _as_bus_error(error: Exception) -> BusError:
    if isinstance(error, BusError):
        return error
    if isinstance(error, ATT_Error):
        return from_att(error)
    return bluez("Failed", f"{type(error).__name__}: {error}")


async def be_bluez(address: str, central: Central, clock: Clock, ready: Callable[[], None]) -> None:
    """Be BlueZ on the D-Bus at `address` until cancelled, with `central` as the adapter.

    Calls `ready` once clients may come. Raises TestbedError when the D-Bus ends.
    """
    bus = Connection(address)
    await bus.open()
    facade = Facade(bus, central, clock)
    try:
        await facade.start()
        heed_cancellation()
        ready()
        await bus.ended()
        raise TestbedError("the private D-Bus ended under the emulated devices")
    finally:
        await facade.stop()
        await bus.close()
