"""What must hold of every kind of recorded device: on its real wire it is the device of the recording again.

Each suite records the real driver against the real emulator, then runs the driver again against the
recording alone, on the same kind of wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from hil_tests.support import DriverLog, Emulated, emulate, eventually, make_device, run_driver
from testbed.bench.device import Device
from testbed.bench.profile import Profile
from testbed.bench.wires import parse_wire
from testbed.clock import NS, SystemClock
from testbed.emulators.places import SystemPlaces
from testbed.emulators.played import PlayedDevice, Player, dialect_of, live_rules, play_devices
from testbed.links import Direction
from testbed.links.played import Divergence, Parting, RawFrame, Script
from testbed.signals import Outcome

AHEAD = 0.2
"""Seconds that the driver is ahead of the recording."""

COUNT_EVERY = 0.05
"""Seconds between two values of the device."""


@dataclass
class Session:
    """What a driver and its device said to each other, and what came of it. Times begin at `start_ns`."""

    start_ns: int
    end_ns: int
    frames: list[RawFrame]
    values: list[float]
    outcomes: list[Outcome]
    comings_and_goings: list[str]

    @property
    def offered(self) -> bytes:
        return next((data for _, direction, data in self.frames if direction is Direction.OPEN), b"")


class PlayedContract:
    """The suite: name the parts of one device, as for the contract of drivers."""

    profile: ClassVar[str | Profile]
    wire: ClassVar[str]
    readable: ClassVar[str]
    step: ClassVar[float] = 1.0
    """How much larger each value of the device is than the one before."""
    writable: ClassVar[str | None] = None
    wanted: ClassVar[float] = 0.0
    happens_at: ClassVar[float] = 0.8
    """Seconds after the start when the command is given, or the plug is pulled."""
    lasting: ClassVar[float] = 1.6
    lasting_with_outage: ClassVar[float] = 2.6

    _recorded: ClassVar[Session | None] = None
    """One recording for the tests that need no other."""

    def __init_subclass__(cls) -> None:
        cls._recorded = None

    def plug_of(self, emulated: Emulated) -> str:
        """Return the name of what is pulled."""
        return "dut"

    # What must hold -------------------------------------------------------------------------------

    async def test_the_same_driver_hears_the_same(self) -> None:
        recorded = await self._recording()
        replayed, divergences = await self._replay(recorded)
        assert [each.words(recorded.start_ns) for each in divergences] == []
        assert len(recorded.values) >= 3
        # Which polls a busy machine leaves out differs; what is heard does not.
        assert len(replayed.values) >= len(recorded.values) // 2
        assert set(replayed.values) <= set(recorded.values)
        assert replayed.values == sorted(replayed.values)
        assert replayed.outcomes == recorded.outcomes

    async def test_a_driver_that_commands_something_else_is_told_and_gets_no_answer(self) -> None:
        if self.writable is None:
            pytest.skip("this device takes no commands")
        recorded = await self._recording()
        replayed, divergences = await self._replay(recorded, self.wanted / 2)
        assert {each.parting for each in divergences} == {Parting.ASKED, Parting.MISSED}
        assert replayed.outcomes != [Outcome.ACKNOWLEDGED]
        assert replayed.values[-1] > recorded.values[len(recorded.values) // 2]  # all else goes on

    async def test_a_device_that_vanished_vanishes_again_and_comes_back(self) -> None:
        recorded = await self._record(outage=True)
        replayed, divergences = await self._replay(recorded, lasting=self.lasting_with_outage)
        assert [each.words(recorded.start_ns) for each in divergences] == []
        assert recorded.comings_and_goings == ["online", "offline", "online"]
        assert replayed.comings_and_goings == ["online", "offline", "online"]
        assert replayed.values[-1] == pytest.approx(recorded.values[-1], abs=10 * self.step)

    # How it is done -------------------------------------------------------------------------------

    @classmethod
    async def _recording(cls) -> Session:
        if cls._recorded is None:
            cls._recorded = await cls()._record()
        return cls._recorded

    async def _record(self, *, outage: bool = False) -> Session:
        async with emulate(make_device(self.profile, self.wire)) as emulated:
            counting = asyncio.create_task(self._count(emulated))
            try:
                async with run_driver(emulated["dut"].device, wait_online=False) as log:
                    pulled = emulated if outage else None
                    lasting = self.lasting_with_outage if outage else self.lasting
                    return await self._live(log, log.clock.now(), self.wanted, lasting, pulled)
            finally:
                counting.cancel()
                await asyncio.gather(counting, return_exceptions=True)

    async def _replay(
        self, recorded: Session, wanted: float | None = None, lasting: float | None = None
    ) -> tuple[Session, list[Divergence]]:
        divergences: list[Divergence] = []
        async with self._played(recorded, divergences) as (device, player):
            async with run_driver(device, wait_online=False) as log:
                at_ns = log.clock.now() + round(AHEAD * NS)
                player.start(recorded.start_ns, at_ns)
                value = self.wanted if wanted is None else wanted
                session = await self._live(log, at_ns, value, lasting or self.lasting, None)
            player.stop()
        return session, divergences

    async def _live(
        self, log: DriverLog, start_ns: int, wanted: float, lasting: float, pulled: Emulated | None
    ) -> Session:
        """Command and pull the plug, each at its time; return what has come of it in the end."""

        async def until(seconds: float) -> None:
            await asyncio.sleep(max(0.0, (start_ns - log.clock.now()) / NS + seconds))

        commands = []
        if pulled is not None:
            await until(self.happens_at)
            pulled.plugs[self.plug_of(pulled)].unplug()
            await until(self.happens_at + 0.3)
            pulled.plugs[self.plug_of(pulled)].plug()
        elif self.writable is not None and lasting == self.lasting:
            await until(self.happens_at)
            commands.append(log.command(self.writable, wanted))
        await until(lasting)
        return Session(
            start_ns,
            log.clock.now(),
            list(log.recorded),
            [sample.value for sample in log.good(self.readable)],
            [command.outcome for command in commands],
            [kind for kind in log.kinds() if kind in ("online", "offline")],
        )

    async def _count(self, emulated: Emulated) -> None:
        """Let the device's value rise, so that each says when it was read."""
        count = 0
        while True:
            count += 1
            emulated["dut"].store.set(self.readable, count * self.step)
            await asyncio.sleep(COUNT_EVERY)

    @contextlib.asynccontextmanager
    async def _played(
        self, recorded: Session, divergences: list[Divergence]
    ) -> AsyncIterator[tuple[Device, Player]]:
        """Hold the device's end of a real wire; yields the device as it is reached there."""
        device = make_device(self.profile, self.wire)
        clock = SystemClock()
        script = Script(
            iter(recorded.frames),
            dialect_of(device),
            end_ns=recorded.end_ns,
            diverged=divergences.append,
            rules=live_rules(device, ()),
        )
        player = Player(script, clock)
        wires: dict[str, str] = {}
        failures: dict[str, str] = {}
        with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
            playing = asyncio.create_task(
                play_devices(
                    [PlayedDevice(device, player, recorded.offered)],
                    clock,
                    SystemPlaces(Path(folder)),
                    wires.__setitem__,
                    failures.__setitem__,
                )
            )
            try:
                await eventually(lambda: wires or failures or playing.done(), "the device played", within=20)
                assert failures == {}
                yield replace(device, wire=parse_wire(wires["dut"])), player
            finally:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
                clock.close()
