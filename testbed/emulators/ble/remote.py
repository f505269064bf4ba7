"""A device as BlueZ shows it: org.bluez.Device1 (BlueZ 5.66, doc/device-api.txt)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

from bumble.core import BaseBumbleError
from bumble.device import Advertisement, Connection, Peer
from dbus_fast import Message, Variant

from testbed.links.bumble_pairing import Passkey

from .database import Database
from .errors import BusError, bluez, not_connected
from .objects import Objects
from .properties import DEVICE, advertised, device_properties

Work = Callable[[], Awaitable[None]]
Spawn = Callable[[Work], None]
"""Runs what goes on beside the calls."""

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
        self._database = Database(path, objects)
        self.address = str(first.address)
        told = first.address.to_string(with_type_qualifier=False)
        objects.add(path, DEVICE, device_properties(path, told) | advertised(first))

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
        uuids = Variant("as", await self._database.discover(Peer(connection)))
        self._objects.change(self.path, DEVICE, {"UUIDs": uuids, "ServicesResolved": Variant("b", True)})

    def _lost(self, reason: int) -> None:
        self._connection = None
        self._objects.change(self.path, DEVICE, {"ServicesResolved": Variant("b", False)})
        self._database.clear()
        self._objects.change(self.path, DEVICE, {"Connected": Variant("b", False)})

    # org.bluez.GattCharacteristic1 and GattDescriptor1 ------------------------------------------

    async def gatt(self, call: Message) -> tuple[str, list[Any]]:
        """Answer a call to one of the device's GATT objects; raises BusError or ATT_Error.

        Ends as cancelled when the connection is lost meanwhile.
        """
        if self._connection is None:
            raise not_connected()
        # bumble itself ends only the request that is on the air; those behind it would wait half a minute.
        work = self._connection.cancel_on_disconnection(self._database.answer(call))
        return cast(tuple[str, list[Any]], await work)

    async def client_left(self, client: str) -> None:
        """Unsubscribe what a program subscribed to that is gone."""
        await self._database.client_left(client)
