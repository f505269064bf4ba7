"""The faults of one device's wire, and the parcels that are under way on it because of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from functools import partial

from testbed.clock import Clock
from testbed.links.base import Direction

from .effects import EFFECTS, HELD, Parcel, Passing, past

DISCONNECT = "disconnect"
_SILENT = ("stall", "half-open")
_WAYS = {"controller": Direction.RX, "device": Direction.TX}


class FaultyWire:
    """What is broken on the wire of a device; nothing is until `begin`.

    Bytes keep their order, as on every real wire, but for the fault whose sense it is to break it.
    """

    def __init__(self, clock: Clock, name: str) -> None:
        self.name = name
        self._clock = clock
        self._faults: dict[str, Passing] = {}
        self._last_ns = {Direction.RX: 0, Direction.TX: 0}
        self._under_way = {Direction.RX: 0, Direction.TX: 0}
        self._held: list[tuple[Direction, Callable[[], None]]] = []
        self._cut: dict[object, Callable[[str], None]] = {}
        self._mended = asyncio.Event()

    @property
    def broken(self) -> bool:
        """Whether anything is broken now."""
        return bool(self._faults)

    @property
    def cut(self) -> bool:
        """Whether it is lost and cannot be opened."""
        return DISCONNECT in self._faults

    def quiet(self, direction: Direction) -> bool:
        """Whether all that passes this way passes as it is, and at once."""
        return not self._faults and not self._under_way[direction]

    def begin(self, fault: str, told: Mapping[str, float | str], chance: random.Random) -> None:
        """Break it; `told` are the fault's parameters in plain numbers, times in s."""
        direction = _WAYS.get(str(told.get("towards")), Direction.OPEN)
        self._faults[fault] = Passing(direction, self._clock.now(), chance, told, past())
        if fault == DISCONNECT:
            for lose in list(self._cut.values()):
                lose("the wire is disconnected")

    def end(self, fault: str) -> None:
        """Mend it; what was held back arrives now, in its order."""
        self._faults.pop(fault, None)
        if fault == "stall":
            held, self._held = self._held, []
            for direction, deliver in held:
                self._under_way[direction] -= 1
                self._send(direction, Parcel(self._clock.now(), b""), deliver)
        self._mended.set()
        self._mended = asyncio.Event()

    def join(self, link: object, lose: Callable[[str], None]) -> None:
        """Have an open link lost when the wire is disconnected."""
        self._cut[link] = lose

    def leave(self, link: object) -> None:
        """Forget a link that is closed."""
        self._cut.pop(link, None)

    def carry(self, direction: Direction, data: bytes, deliver: Callable[[bytes], None]) -> None:
        """Take what is sent, and call `deliver` with what arrives of it, when it does."""
        parcels = [Parcel(self._clock.now(), data)]
        for name, fault in self._faults.items():
            if fault.direction in (direction, Direction.OPEN):
                passing = fault._replace(direction=direction)
                parcels = [out for parcel in parcels for out in EFFECTS[name](parcel, passing)]
        for parcel in parcels:
            self._send(direction, parcel, partial(deliver, parcel.data))

    async def hold_up(self, direction: Direction) -> None:
        """Return when a request may pass: after the delays, and after a stall; of a half-open wire never."""
        while any(
            name in self._faults and self._faults[name].direction in (direction, Direction.OPEN)
            for name in _SILENT
        ):
            await self._mended.wait()
        seconds = 0.0
        for name in ("delay", "jitter"):
            fault = self._faults.get(name)
            if fault is not None and fault.direction in (direction, Direction.OPEN):
                (parcel,) = EFFECTS[name](Parcel(0, b""), fault)
                seconds += parcel.due_ns / 1e9
        if seconds:
            await self._clock.sleep(seconds)

    def bend(self, direction: Direction, data: bytes) -> bytes:
        """Return what arrives of a value that is asked for, whose time others see to."""
        parcels = [Parcel(0, data)]
        for name in ("corrupt", "truncate", "wrong-answer", "stale-answer"):
            fault = self._faults.get(name)
            if fault is not None and fault.direction in (direction, Direction.OPEN):
                passing = fault._replace(direction=direction)
                parcels = [out for parcel in parcels for out in EFFECTS[name](parcel, passing)]
        return parcels[0].data if parcels else b""

    def _send(self, direction: Direction, parcel: Parcel, deliver: Callable[[], None]) -> None:
        if parcel.due_ns >= HELD:
            self._under_way[direction] += 1
            self._held.append((direction, deliver))
            return
        due_ns = max(parcel.due_ns, self._last_ns[direction]) if parcel.ordered else parcel.due_ns
        if parcel.ordered:
            self._last_ns[direction] = due_ns
        if due_ns <= self._clock.now() and not self._under_way[direction]:
            deliver()
            return
        self._under_way[direction] += 1

        def arrived() -> None:
            self._under_way[direction] -= 1
            deliver()

        self._clock.at(due_ns, arrived)
