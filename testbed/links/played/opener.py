"""Opens links that play a recording: the driver is fed the recorded bytes, and what it sends is matched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from testbed.bench.ble_wire import BleWire
from testbed.bench.wires import Wire
from testbed.clock import Clock, Timer
from testbed.links.base import BytesReceived, Direction, LinkLost, Lost, MessageReceived, Tap, Will
from testbed.links.gatt_frames import TOLD_UNASKED, AttError, AttOpcode, GattFrame, decode_frame
from testbed.links.gatt_table import GattTable, decode_table
from testbed.links.messages import decode_message, encode_message, is_retained
from testbed.links.nus import Hold
from testbed.links.port import PortSettings
from testbed.links.tls import TlsFiles

from .outcomes import Loss, Opened, Refused
from .script import Script

At = Callable[[int, Callable[[], None]], Timer]
"""Calls back once at a time in session ns."""


class PlayedOpener:
    """Opens the wire of one device, again and again as its script has it.

    What is received keeps the time of the recording as its stamp, even when it comes a little later
    because the driver asked later: samples then are those of the recording.
    """

    def __init__(self, script: Script, at: At) -> None:
        """Play `script`; `at` calls back at the time of something recorded."""
        self._script = script
        self._at = at

    def serial(
        self,
        port: str,
        clock: Clock,
        *,
        received: BytesReceived,
        lost: Lost,
        tap: Tap,
        settings: PortSettings,
    ) -> PlayedBytes:
        """Open at once, or refuse, as recorded."""
        _opened(self._script.open(clock.now(), wait=False))
        return PlayedBytes(self._player(clock, tap), received, lost)

    async def tcp(
        self,
        host: str,
        port: int,
        clock: Clock,
        *,
        received: BytesReceived,
        lost: Lost,
        tap: Tap,
        tls: TlsFiles | None = None,
    ) -> PlayedBytes:
        """Connect when the recording did."""
        await self._open(clock)
        return PlayedBytes(self._player(clock, tap), received, lost)

    async def rfc2217(
        self,
        host: str,
        port: int,
        clock: Clock,
        *,
        received: BytesReceived,
        lost: Lost,
        tap: Tap,
        settings: PortSettings,
    ) -> PlayedBytes:
        """Open a serial port at an access server."""
        await self._open(clock)
        return PlayedBytes(self._player(clock, tap), received, lost)

    async def mqtt(
        self,
        wire: Wire,
        clock: Clock,
        *,
        subscriptions: Iterable[str],
        received: MessageReceived,
        lost: Lost,
        tap: Tap,
        retained: MessageReceived | None = None,
        will: Will | None = None,
    ) -> PlayedMessages:
        """Connect when the recording did."""
        await self._open(clock)
        return PlayedMessages(self._player(clock, tap), received, lost, retained)

    async def nus(
        self, wire: BleWire, clock: Clock, *, received: BytesReceived, lost: Lost, tap: Tap, hold: Hold
    ) -> PlayedBytes:
        """Connect to a device that passes bytes on over Bluetooth LE."""
        await self._open(clock)
        return PlayedBytes(self._player(clock, tap), received, lost)

    async def gatt(self, wire: BleWire, clock: Clock, *, lost: Lost, tap: Tap) -> PlayedAttributes:
        """Connect when the recording did, to what the device then offered."""
        data = await self._open(clock)
        table = decode_table(data) if data else GattTable(wire.address, ())
        return PlayedAttributes(self._player(clock, tap), table, lost)

    def _player(self, clock: Clock, tap: Tap) -> _Player:
        return _Player(self._script, clock, self._at, tap)

    async def _open(self, clock: Clock) -> bytes:
        while True:
            outcome = self._script.open(clock.now())
            if isinstance(outcome, Opened | Refused):
                return _opened(outcome)
            await self._until(outcome.time_ns)

    async def _until(self, time_ns: int) -> None:
        """Wait for something recorded: unlike a time limit of ours, it was kept up by no busy machine."""
        come = asyncio.Event()
        timer = self._at(time_ns, come.set)
        try:
            await come.wait()
        finally:
            timer.cancel()


def _opened(outcome: object) -> bytes:
    if isinstance(outcome, Opened):
        return outcome.data
    assert isinstance(outcome, Refused)  # noqa: S101  (the only other outcome that is not to wait for)
    raise LinkLost(outcome.reason)


class _Player:
    """Hands over what is due, each at its time, until closed or lost."""

    def __init__(self, script: Script, clock: Clock, at: At, tap: Tap) -> None:
        self.open = True
        self._script = script
        self._clock = clock
        self._at = at
        self._tap = tap
        self._deliver: BytesReceived = lambda time_ns, data: None
        self._lost: Lost = lambda reason: None
        self._timer: Timer | None = None
        self._due_ns = 0

    def start(self, deliver: BytesReceived, lost: Lost) -> None:
        """Begin to hand over."""
        self._deliver = deliver
        self._lost = lost
        self._watch()

    def send(self, data: bytes) -> None:
        """Take what the driver sends."""
        if not self.open:
            raise LinkLost("the recorded wire is closed")
        now = self._clock.now()
        self._tap(now, Direction.TX, data)
        self._script.sent(now, data)
        self._watch()

    def close(self) -> None:
        """Deliver nothing more."""
        if self.open:
            self.open = False
            self._script.close()
        if self._timer is not None:
            self._timer.cancel()

    def _watch(self) -> None:
        due_ns = self._script.next_due()
        if due_ns is None or not self.open:
            return
        due_ns = max(due_ns, self._clock.now())
        if self._timer is not None:
            if self._due_ns <= due_ns:
                return
            self._timer.cancel()
        self._due_ns = due_ns
        self._timer = self._at(due_ns, self._play)

    def _play(self) -> None:
        self._timer = None
        for each in self._script.due(self._clock.now()):
            if not self.open:
                return
            if isinstance(each, Loss):
                self.open = False
                self._lost(each.reason)
                return
            self._tap(each.time_ns, Direction.RX, each.data)
            self._deliver(each.time_ns, each.data)
        self._watch()


class PlayedBytes:
    """A recorded stream of bytes."""

    def __init__(self, player: _Player, received: BytesReceived, lost: Lost) -> None:
        self._player = player
        player.start(received, lost)

    def write(self, data: bytes) -> None:
        """Send; the script answers what the recording answered."""
        self._player.send(data)

    def close(self) -> None:
        """Close."""
        self._player.close()


class PlayedMessages:
    """A recorded connection to a broker."""

    def __init__(
        self,
        player: _Player,
        received: MessageReceived,
        lost: Lost,
        retained: MessageReceived | None = None,
    ) -> None:
        self._received = received
        self._retained = retained or received
        self._lost = lost
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._player = player
        player.start(self._arrived, self._gone)

    def publish(
        self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False, expiry_s: float | None = None
    ) -> None:
        """Publish."""
        self._player.send(encode_message(topic, payload))

    async def run(self) -> None:
        """Return when the connection is lost or closed."""
        await asyncio.shield(self._ended)

    def close(self) -> None:
        """Disconnect."""
        self._player.close()
        if not self._ended.done():
            self._ended.set_result(None)

    def vanish(self) -> None:
        """Disconnect."""
        self.close()

    def _arrived(self, time_ns: int, frame: bytes) -> None:
        topic, payload = decode_message(frame)
        hand_on = self._retained if is_retained(frame) else self._received
        hand_on(time_ns, topic, payload)

    def _gone(self, reason: str) -> None:
        self.close()
        self._lost(reason)


class PlayedAttributes:
    """A recorded GATT connection; a request that the recording does not hold waits for its end."""

    def __init__(self, player: _Player, table: GattTable, lost: Lost) -> None:
        self.table = table
        self._lost = lost
        self._listeners: dict[str, BytesReceived] = {}
        self._answer: asyncio.Future[tuple[int, GattFrame]] | None = None
        self._player = player
        player.start(self._arrived, self._gone)

    async def read(self, characteristic: str) -> tuple[int, bytes]:
        """Read a characteristic: the time is that of the recording."""
        time_ns, answer = await self._ask(GattFrame(AttOpcode.READ_REQUEST, characteristic))
        return time_ns, answer.value

    async def write(self, characteristic: str, value: bytes, *, response: bool = True) -> None:
        """Write a characteristic's value."""
        if response:
            await self._ask(GattFrame(AttOpcode.WRITE_REQUEST, characteristic, value))
        else:
            self._player.send(GattFrame(AttOpcode.WRITE_COMMAND, characteristic, value).encode())

    async def subscribe(self, characteristic: str, received: BytesReceived) -> None:
        """Call `received` for each notification."""
        self._listeners[characteristic] = received

    async def close(self) -> None:
        """Disconnect."""
        self._player.close()

    async def _ask(self, request: GattFrame) -> tuple[int, GattFrame]:
        # Set before sending, though an answer comes no earlier than in the next turn.
        answer: asyncio.Future[tuple[int, GattFrame]] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._player.send(request.encode())
        try:
            time_ns, found = await answer
        finally:
            self._answer = None
        if found.opcode is AttOpcode.ERROR_RESPONSE:
            raise AttError(int.from_bytes(found.value[:1], "big"), time_ns)
        return time_ns, found

    def _arrived(self, time_ns: int, data: bytes) -> None:
        frame = decode_frame(data)
        if frame.opcode in TOLD_UNASKED:
            if (listener := self._listeners.get(frame.characteristic)) is not None:
                listener(time_ns, frame.value)
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result((time_ns, frame))

    def _gone(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LinkLost(reason))
        self._lost(reason)
