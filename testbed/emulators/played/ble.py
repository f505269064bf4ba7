"""Recorded Bluetooth LE devices: GATT servers whose every answer comes from the recording."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from bumble.att import ATT_Error, Attribute
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue

from testbed.bench.device import Device
from testbed.emulators.base import EmulatorContext, Ready
from testbed.emulators.ble.presence import Presence, bumble_uuid
from testbed.emulators.ble.radio import Radio
from testbed.emulators.ble.server import serve_on_air
from testbed.errors import DamagedInput
from testbed.links.gatt_frames import TOLD_UNASKED, AttOpcode, GattFrame, decode_frame
from testbed.links.gatt_table import GattTable, decode_table
from testbed.protocols.gatt import characteristics, uuid128
from testbed.signals import Access

from .device import PlayedDevice
from .player import Player

_OF_THE_STACK = (uuid128(0x1800), uuid128(0x1801))  # Generic Access and Attribute: bumble has its own
_UNLIKELY = 0x0E  # ATT error (Core Specification 5.4, vol 3 part F, 3.4.1.1)
_BITS = {
    "read": Characteristic.Properties.READ,
    "write": Characteristic.Properties.WRITE,
    "write-without-response": Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
    "notify": Characteristic.Properties.NOTIFY,
    "indicate": Characteristic.Properties.INDICATE,
}
_CAN = {
    Access.READ: ("read",),
    Access.NOTIFY: ("notify", "read"),
    Access.WRITE: ("write", "write-without-response"),
}


async def serve(devices: Sequence[PlayedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Be the recorded devices on one air until cancelled; raises as the emulated ones do."""

    def make(radio: Radio) -> list[Presence]:
        return [PlayedPeripheral(each, radio).presence for each in devices]

    await serve_on_air([each.device for each in devices], make, context, ready)


class PlayedPeripheral:
    """Asks its player what to answer, and says what it has to say."""

    ahead_ns = 1_000_000_000  # to be heard, connected to and discovered

    def __init__(self, each: PlayedDevice, radio: Radio) -> None:
        self._player: Player = each.player
        self._served: dict[str, Characteristic[bytes]] = {}
        self._subscribed: set[str] = set()
        self._waiting: dict[str, deque[asyncio.Future[GattFrame]]] = {}
        self.presence = Presence(radio, each.device, self._services(_table(each)), self._left, plugged=False)
        self.plug, self.unplug = self.presence.plug, self.presence.unplug
        each.player.join(self)

    def deliver(self, data: bytes) -> None:
        """Answer the oldest request for that characteristic, or notify."""
        frame = _frame(data)
        if frame is None or frame.characteristic not in self._served:
            return
        if frame.opcode in TOLD_UNASKED:
            if frame.characteristic in self._subscribed:
                told = self._served[frame.characteristic]
                send = (
                    self.presence.notify if frame.opcode is AttOpcode.NOTIFICATION else self.presence.indicate
                )
                send(told, frame.value)
            return
        waiting = self._waiting.get(frame.characteristic)
        while waiting:
            answer = waiting.popleft()
            if not answer.done():
                answer.set_result(frame)
                return

    def _services(self, table: GattTable) -> list[tuple[str, list[Characteristic[bytes]]]]:
        grouped: dict[str, list[Characteristic[bytes]]] = {}
        for service, uuid, can in table.entries:
            if service not in _OF_THE_STACK:
                grouped.setdefault(service, []).append(self._serve(uuid, can))
        return list(grouped.items())

    def _serve(self, uuid: str, can: Sequence[str]) -> Characteristic[bytes]:
        flags = Characteristic.Properties(0)
        for word in can:
            flags |= _BITS[word]

        async def read(connection: Connection) -> bytes:
            return (await self._ask(GattFrame(AttOpcode.READ_REQUEST, uuid))).value

        async def write(connection: Connection, data: bytes) -> None:
            if "write" in can:
                await self._ask(GattFrame(AttOpcode.WRITE_REQUEST, uuid, bytes(data)))
            else:
                self._player.sent(GattFrame(AttOpcode.WRITE_COMMAND, uuid, bytes(data)).encode())

        permissions = Attribute.Permissions.READABLE | Attribute.Permissions.WRITEABLE
        served: Characteristic[bytes] = Characteristic(
            bumble_uuid(uuid), flags, permissions, CharacteristicValue(read=read, write=write)
        )
        served.on(
            served.EVENT_SUBSCRIPTION,
            lambda connection, notify, indicate: self._subscribe(uuid, notify or indicate),
        )
        self._served[uuid] = served
        return served

    async def _ask(self, request: GattFrame) -> GattFrame:
        """Return the recorded answer when it comes; raises ATT_Error for a refusal, or when all is over."""
        answer: asyncio.Future[GattFrame] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(request.characteristic, deque()).append(answer)
        self._player.sent(request.encode())
        try:
            frame = await answer
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ATT_Error(_UNLIKELY) from None  # only the connection ended
        if frame.opcode is AttOpcode.ERROR_RESPONSE:
            raise ATT_Error(frame.value[0] if frame.value else _UNLIKELY)
        return frame

    def _subscribe(self, uuid: str, wanted: bool) -> None:
        if wanted:
            self._subscribed.add(uuid)
        else:
            self._subscribed.discard(uuid)

    def _left(self) -> None:
        """Answer nobody who is gone."""
        self._subscribed.clear()
        for waiting in self._waiting.values():
            for answer in waiting:
                answer.cancel()
            waiting.clear()


def _table(each: PlayedDevice) -> GattTable:
    """Return what the device offered, by its profile when the recording does not say."""
    if each.offered:
        return decode_table(each.offered)
    return _profiled(each.device)


def _profiled(device: Device) -> GattTable:
    entries = []
    for each in characteristics(device.profile):
        can = {word for name in each.fields for word in _CAN[device.signals[name].access]}
        entries.append((each.service, each.uuid, tuple(sorted(can))))
    return GattTable(device.wire.host, tuple(entries))


def _frame(data: bytes) -> GattFrame | None:
    try:
        return decode_frame(data)
    except DamagedInput:
        return None
