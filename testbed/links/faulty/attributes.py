"""A GATT connection with faults in it.

Requests can be late, stand still and be answered wrongly, but not be lost one by one: the link layer of
Bluetooth repeats what was lost, so that what cannot be repeated is a lost connection (Core Specification
5.4, vol 6 part B, 4.5.9). Notifications are bent as bytes are.
"""

from __future__ import annotations

import asyncio
from functools import partial

from testbed.clock import Clock
from testbed.links.base import AttributeLink, BytesReceived, Direction, LinkLost, Lost, Tap
from testbed.links.gatt_frames import AttError, AttOpcode, GattFrame, unasked
from testbed.links.gatt_table import GattTable

from .end import FaultyEnd
from .wire import FaultyWire


class FaultyAttributes(FaultyEnd):
    """Bluetooth LE, through a faulty wire."""

    _inner: AttributeLink

    def __init__(self, wire: FaultyWire, clock: Clock, lost: Lost, tap: Tap) -> None:
        super().__init__(wire, clock, lost, tap)
        self._gone = asyncio.Event()

    def over(self, inner: AttributeLink) -> FaultyAttributes:
        """Put it over an open link."""
        self._inner = inner
        self.joined(self._gone.set)
        return self

    @property
    def table(self) -> GattTable:
        """What the device offers."""
        return self._inner.table

    async def read(self, characteristic: str) -> tuple[int, bytes]:
        """Read a characteristic; see AttributeLink."""
        if self.wire.quiet(Direction.TX) and self.wire.quiet(Direction.RX):
            return await self._inner.read(characteristic)
        self._tap_frame(Direction.TX, AttOpcode.READ_REQUEST, characteristic)
        await self._pass(Direction.TX)
        try:
            _, value = await self._inner_read(characteristic)
        except AttError as error:
            raise self._refused(characteristic, error) from error
        await self._pass(Direction.RX)
        value = self.wire.bend(Direction.RX, value)
        return self._tap_frame(Direction.RX, AttOpcode.READ_RESPONSE, characteristic, value), value

    async def write(self, characteristic: str, value: bytes, *, response: bool = True) -> None:
        """Write a characteristic's value; see AttributeLink."""
        if self.wire.quiet(Direction.TX) and self.wire.quiet(Direction.RX):
            await self._inner.write(characteristic, value, response=response)
            return
        opcode = AttOpcode.WRITE_REQUEST if response else AttOpcode.WRITE_COMMAND
        self._tap_frame(Direction.TX, opcode, characteristic, value)
        await self._pass(Direction.TX)
        bent = self.wire.bend(Direction.TX, value)
        self._own += 1
        try:
            await self._inner.write(characteristic, bent, response=response)
        except AttError as error:
            raise self._refused(characteristic, error) from error
        finally:
            self._own -= 1
        await self._pass(Direction.RX)
        if response:
            self._tap_frame(Direction.RX, AttOpcode.WRITE_RESPONSE, characteristic)

    async def subscribe(self, characteristic: str, received: BytesReceived) -> None:
        """Call `received` for each notification or indication."""
        told = unasked(self.table.abilities(characteristic))

        def arrived(time_ns: int, value: bytes) -> None:
            if self.wire.quiet(Direction.RX):
                received(time_ns, value)
            else:
                self.wire.carry(Direction.RX, value, partial(self._hand_on, told, characteristic, received))

        await self._inner.subscribe(characteristic, arrived)

    async def close(self) -> None:
        """Disconnect; `lost` is not called for it."""
        self._end()
        self._gone.set()
        await self._inner.close()

    async def _inner_read(self, characteristic: str) -> tuple[int, bytes]:
        self._own += 1
        try:
            return await self._inner.read(characteristic)
        finally:
            self._own -= 1

    async def _pass(self, direction: Direction) -> None:
        """Wait until a request may pass; raises LinkLost when the connection is gone meanwhile."""
        passing = asyncio.ensure_future(self.wire.hold_up(direction))
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait((passing, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (passing, gone):
                task.cancel()
            await asyncio.gather(passing, gone, return_exceptions=True)
        if not self._open:
            raise LinkLost(f"the connection to {self.wire.name} is closed")

    def _refused(self, characteristic: str, error: AttError) -> AttError:
        time_ns = self._tap_frame(Direction.RX, AttOpcode.ERROR_RESPONSE, characteristic, bytes([error.code]))
        return AttError(error.code, time_ns)

    def _tap_frame(
        self, direction: Direction, opcode: AttOpcode, characteristic: str, value: bytes = b""
    ) -> int:
        return self.tap(direction, GattFrame(opcode, characteristic, value).encode())

    def _hand_on(self, told: AttOpcode, characteristic: str, received: BytesReceived, value: bytes) -> None:
        if self._open:
            received(self._tap_frame(Direction.RX, told, characteristic, value), value)
