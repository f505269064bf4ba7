"""Where the bench of a test runs: on its real wires, on emulated ones, in virtual time, in a recording."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.bench import Bench
from testbed.clock import Seeds, VirtualClock, VirtualLoop
from testbed.clock.refusal import alone
from testbed.errors import UsageError
from testbed.links import Switchboard
from testbed.plants import Plant
from testbed.session.assembly import Assembly
from testbed.session.emulation import emulation
from testbed.session.faults import Breaking
from testbed.session.file import SessionReader
from testbed.session.metadata import about_host
from testbed.session.plant import make_plant
from testbed.session.recorded import recorded_bench
from testbed.session.replay.recording import check_frames, span_of
from testbed.session.replay.virtual import Playback
from testbed.session.run import Run
from testbed.session.setting import Setting
from testbed.session.virtual import emulated_in_memory
from testbed.signals import Event

SOURCE, BEGIN, END = "test", "begin", "end"
"""Source and kinds of the events with which the body of a test begins and ends."""


@dataclass(frozen=True)
class Hooks:
    """What the owner of a run wants to hear of (see Run)."""

    tell: Callable[[Event], None]
    assembled: Callable[[Assembly], None]
    closing: Callable[[dict[str, Any]], dict[str, Any]]


class Ground(ABC):
    """A place for one run, with the loop that everything of it happens on."""

    mode: str
    plant: Plant | None = None
    """The physics, where a test can reach it."""
    begin_ns: int | None = None
    """When the test is to begin; None: as soon as its devices are there."""
    end_ns: int | None = None
    """When there is nothing more to come; None: when the test ends."""
    recording: SessionReader | None = None
    """What is replayed."""

    def __init__(self, bench: Bench, path: Path, seed: int) -> None:
        self.bench = bench
        self.path = path
        self.seed = seed
        self._runner = self._make_runner()

    def _make_runner(self) -> asyncio.Runner:
        import uvloop

        return asyncio.Runner(loop_factory=uvloop.new_event_loop)

    def call(self, coroutine: Any) -> Any:
        """Run a coroutine on the loop of this place; what else runs there goes on meanwhile."""
        return self._runner.run(coroutine)

    def close(self) -> None:
        """Close the loop."""
        self._runner.close()

    @abstractmethod
    def run(self, hooks: Hooks) -> contextlib.AbstractAsyncContextManager[Run]:
        """Have everything there that a run needs while the block runs."""


class RealGround(Ground):
    """The devices at the wires that the bench file names."""

    mode = "real"

    @contextlib.asynccontextmanager
    async def run(self, hooks: Hooks) -> AsyncIterator[Run]:
        """Yield the run."""
        yield Run(
            self.bench, self.path, seed=self.seed, emulated=[], tell=hooks.tell,
            assembled=hooks.assembled, closing=hooks.closing, breaking=Breaking(real=True),
        )  # fmt: skip


class EmulatedGround(Ground):
    """Every device emulated, in a process of its own, on real wires of this machine."""

    mode = "emulated"

    @contextlib.asynccontextmanager
    async def run(self, hooks: Hooks) -> AsyncIterator[Run]:
        """Yield the run once the devices answer."""
        names = list(self.bench.devices)
        async with emulation(self.bench.file, names, self.seed) as emulated:
            run = Run(
                emulated.rewire(self.bench), self.path, seed=self.seed, emulated=names,
                absent=emulated.failed, tell=hooks.tell, assembled=hooks.assembled, closing=hooks.closing,
                breaking=Breaking(emulated.order),
            )  # fmt: skip
            with emulated.news.heard_by(run.report):
                yield run


class VirtualTime(Ground):
    """A place whose loop is in virtual time; threads, processes and sockets are refused there."""

    clock: VirtualClock

    def _make_runner(self) -> asyncio.Runner:
        return asyncio.Runner(loop_factory=lambda: VirtualLoop(self.clock))

    def call(self, coroutine: Any) -> Any:
        """Run a coroutine in virtual time; between calls no time passes."""
        with alone():
            return self._runner.run(coroutine)


class VirtualGround(VirtualTime):
    """Every device emulated in this process, in virtual time."""

    mode = "virtual"

    def __init__(self, bench: Bench, path: Path, seed: int) -> None:
        self.clock = VirtualClock()
        super().__init__(bench, path, seed)
        self.plant = make_plant(bench)
        self._about = about_host(bench)

    @contextlib.asynccontextmanager
    async def run(self, hooks: Hooks) -> AsyncIterator[Run]:
        """Yield the run once the devices answer."""
        board = Switchboard()
        async with emulated_in_memory(
            self.bench, self.plant, self.clock, Seeds(self.seed), board
        ) as emulated:
            run = Run(
                emulated.rewire(self.bench), self.path, seed=self.seed, emulated=list(self.bench.devices),
                absent=emulated.failed, tell=hooks.tell, assembled=hooks.assembled, closing=hooks.closing,
                setting=Setting.virtual(self.clock, lambda device: board, self._about),
                breaking=Breaking(emulated.order),
            )  # fmt: skip
            with emulated.news.heard_by(run.report):
                yield run


class ReplayGround(VirtualTime):
    """A recorded session of the test, through the drivers, twins and loops of today, in virtual time."""

    mode = "replay"
    recording: SessionReader

    def __init__(self, recorded: Path, path: Path) -> None:
        """Read what is replayed; raises DamagedInput, UsageError for what cannot be."""
        with contextlib.ExitStack() as stack:
            self.recording = stack.enter_context(SessionReader(recorded))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="testbed-")))
            bench = recorded_bench(self.recording, folder)
            check_frames(self.recording, bench.devices)
            start_ns, self.end_ns = span_of(self.recording)
            self.begin_ns = _begin(self.recording)
            self.clock = VirtualClock(start_ns, self.recording.holdups())
            super().__init__(bench, path, int(self.recording.meta().get("seed", 0)))
            self._about = about_host(bench)
            self._stack = stack.pop_all()

    @contextlib.asynccontextmanager
    async def run(self, hooks: Hooks) -> AsyncIterator[Run]:
        """Yield the run that hears the recording; the commands of the test are left to it."""
        yield Playback(
            self.recording, self.bench, self.path, self.clock, self._about, tell=hooks.tell,
            assembled=hooks.assembled, closing=hooks.closing, but=(SOURCE,),
        ).run  # fmt: skip

    def close(self) -> None:
        """Close the loop and the recording."""
        super().close()
        self._stack.close()


def _begin(session: SessionReader) -> int:
    """Return when the body of the recorded test began."""
    for event in session.events():
        if (event.source, event.kind) == (SOURCE, BEGIN):
            return event.time_ns
    raise UsageError(
        f"{session.path} is not the session of a test, or its test never began",
        "record it with: pytest --hil real, emulated or virtual",
    )


GROUNDS: dict[str, type[RealGround | EmulatedGround | VirtualGround]] = {
    "real": RealGround,
    "emulated": EmulatedGround,
    "virtual": VirtualGround,
}
