"""A Bluetooth LE device on the air, whatever it serves: there to be found, connected to, or gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from bumble.att import ATT_Handle_Value_Notification
from bumble.core import UUID
from bumble.device import Connection
from bumble.gatt import Characteristic, Service
from bumble.keys import PairingKeys

from testbed.bench.device import Device
from testbed.links.nus import LEAST_MTU
from testbed.protocols.gatt import Pairing, uuid16

from .identity import identity_of
from .pairing import pairing_config
from .radio import Radio, heed_cancellation, whole

_CONNECTION_TIMEOUT = 0x08  # what a central sees when a device goes out of range (vol 1 part F, 2.8)
_OFF_SECONDS = 2.0
_WAITING = 64  # indications


class Presence:
    """Advertises while nobody is connected; `unplug` takes the device off the air and `plug` back.

    `left` is called whenever a central is gone and when `run` ends.
    """

    def __init__(
        self,
        radio: Radio,
        device: Device,
        services: Iterable[tuple[str, list[Characteristic[bytes]]]],
        left: Callable[[], None],
        *,
        plugged: bool = True,
    ) -> None:
        """Offer `services` (UUID and characteristics); raises TestbedError for a wire that names nobody."""
        offered = list(services)
        self.device = device
        self._left = left
        self._plugged = plugged
        self.trusted: set[str] = set()
        """Addresses of those who have typed the passkey: bumble itself trusts Just Works as much."""
        self._cut = False  # until a connection from before an unplugging has ended
        self._changed = asyncio.Event()
        self._connection: Connection | None = None
        self._indications: asyncio.Queue[tuple[Connection, Characteristic[bytes], bytes]]
        self._indications = asyncio.Queue(_WAITING)
        identity = identity_of(device)
        self.left_out: Callable[[], bool] | None = None
        """Asked before each notification whether it is left out."""
        self._bumble = radio.device(identity.name or device.name, identity.address, identity.interval)
        self.reception = radio.air.reception(self._bumble.random_address)
        """How the device is heard."""
        self._bumble.add_services([Service(bumble_uuid(uuid), members) for uuid, members in offered])
        self._bumble.advertising_data = identity.packet(uuid for uuid, _ in offered)
        self._bumble.on("connection", self._connected)

    def pair_by(self, pairing: Pairing, passkey: int) -> None:
        """Have centrals pair in a way."""
        self._bumble.pairing_config_factory = lambda _: pairing_config(pairing, passkey)

    def plug(self) -> None:
        """Advertise again; nothing happens when it does."""
        self._plugged = True
        self._changed.set()

    def unplug(self) -> None:
        """Go off the air, as a device whose battery is pulled; nothing happens when it is."""
        self._plugged = False
        self._cut = True
        self._changed.set()

    @property
    def mtu(self) -> int:
        """Bytes of an ATT packet, as agreed on with the central that is connected."""
        return LEAST_MTU if self._connection is None else int(self._connection.att_mtu)

    def cut(self) -> None:
        """Lose the connection, as one does that is out of range; nothing happens without one."""
        self._cut = self._connection is not None
        self._changed.set()

    def notify(self, characteristic: Characteristic[bytes], value: bytes) -> None:
        """Send a notification to the central, if there is one."""
        if self._connection is None or (self.left_out is not None and self.left_out()):
            return
        # bumble's notify_subscriber does the same in a task of its own, and once more formats a log line.
        notification = ATT_Handle_Value_Notification(
            attribute_handle=characteristic.handle, attribute_value=value
        )
        self._bumble.gatt_server.send_gatt_pdu(self._connection, bytes(notification))

    def indicate(self, characteristic: Characteristic[bytes], value: bytes) -> None:
        """Send an indication once those before it are confirmed; one too many is left out."""
        if self._connection is not None and not self._indications.full():
            self._indications.put_nowait((self._connection, characteristic, value))

    async def run(self, ready: Callable[[], None]) -> None:
        """Be a device until cancelled; calls `ready` once it is as it should be."""
        await self._bumble.power_on()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._indicate(), name=f"indications of {self.device.name}")
                await whole(self._settle())
                ready()
                while True:
                    await self._changed.wait()
                    self._changed.clear()
                    await whole(self._settle())
        finally:
            self._left()

    async def _indicate(self) -> None:
        """Send what is to be confirmed, one after the other as ATT has it (vol 3 part F, 3.3.2)."""
        while True:
            connection, characteristic, value = await self._indications.get()
            if self._connection is None or self._connection is not connection:
                continue  # it was meant for one who is gone
            sending = self._bumble.gatt_server.indicate_subscriber(
                connection, characteristic, value, force=True
            )
            try:
                await self._connection.cancel_on_disconnection(sending)
            except (TimeoutError, asyncio.CancelledError):  # nobody is there to confirm it
                heed_cancellation()

    async def _settle(self) -> None:
        """Make the air as it should be: advertising while free, silent while unplugged."""
        if self._cut or not self._plugged:
            self._cut = False
            await self._bumble.stop_advertising()
            if self._connection is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_OFF_SECONDS):
                        await self._connection.disconnect(_CONNECTION_TIMEOUT)
        if self._plugged and self._connection is None and self._bumble.legacy_advertiser is None:
            await self._bumble.start_advertising()

    def _connected(self, connection: Connection) -> None:
        self._connection = connection
        connection.on("disconnection", self._disconnected)
        connection.on("pairing", lambda keys: self._paired(connection, keys))
        self._changed.set()

    def _paired(self, connection: Connection, keys: PairingKeys) -> None:
        if keys.ltk is not None and keys.ltk.authenticated:
            self.trusted.add(str(connection.peer_address))

    def _disconnected(self, reason: int) -> None:
        self._connection = None
        self._left()
        self._changed.set()


def bumble_uuid(uuid: str) -> UUID:
    """Return a UUID in its shortest form, as devices send it."""
    short = uuid16(uuid)
    return UUID(uuid) if short is None else UUID.from_16_bits(short)
