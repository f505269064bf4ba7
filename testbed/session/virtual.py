"""A run in virtual time: every device emulated in this process, over wires in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path

from testbed.bench import Bench, PlannedFault
from testbed.clock import Lane, Seeds, VirtualClock, run_virtual
from testbed.emulators.bench import emulate_bench
from testbed.emulators.breaking import Orders
from testbed.emulators.places import MemoryPlaces
from testbed.links import Switchboard
from testbed.plants import Plant

from .assembly import Assembly
from .emulation import Emulation
from .faults import Breaking
from .memory import Memory
from .metadata import about_host
from .plant import make_plant
from .run import Run, RunVerdict, Tell
from .setting import Setting


def run_virtually(
    bench: Bench,
    path: Path,
    seconds: float | None,
    *,
    seed: int,
    tell: Tell,
    begun: Callable[[Run, VirtualClock], None] = lambda run, clock: None,
    assembled: Callable[[Assembly], None] = lambda parts: None,
    faults: Collection[tuple[PlannedFault, str]] = (),
    memory: Memory | None = None,
) -> tuple[RunVerdict, str]:
    """Run a bench for `seconds` of virtual time; return the verdict and why recording failed (if it did).

    The same bench, seed and program give the same stream digest on every run and machine. `begun` is
    called once, in the loop, before anything happens, `assembled` with the parts of the run before they
    do anything; `faults` come beside those of the bench file, with who asks for each; `memory` is what is
    known from before. Raises VirtualTimeError for what cannot be in virtual time.
    """
    about, plant = about_host(bench), make_plant(bench)

    async def main(clock: VirtualClock) -> tuple[RunVerdict, str]:
        board = Switchboard()
        async with emulated_in_memory(bench, plant, clock, Seeds(seed), board) as emulated:
            run = Run(
                emulated.rewire(bench), path, seed=seed, emulated=list(bench.devices), tell=tell,
                absent=emulated.failed, setting=Setting.virtual(clock, lambda device: board, about),
                assembled=assembled, breaking=Breaking(emulated.order, faults), memory=memory,
            )  # fmt: skip
            begun(run, clock)
            with emulated.news.heard_by(run.report):
                verdict = await run.run(seconds)
        if run.refused is not None:
            raise run.refused
        return verdict, run.recording_failure

    return run_virtual(main)


@contextlib.asynccontextmanager
async def emulated_in_memory(
    bench: Bench,
    plant: Plant | None,
    clock: VirtualClock,
    seeds: Seeds,
    board: Switchboard,
) -> AsyncIterator[Emulation]:
    """Emulate all devices on `board` while the block runs, which begins when each one answers."""
    orders = Orders()
    told = Emulation({}, {}, order=orders.put)
    complete = asyncio.Event()

    def heard(of: dict[str, str]) -> Callable[[str, str], None]:
        def hear(name: str, what: str) -> None:
            of[name] = what
            if len(told.wires) + len(told.failed) == len(bench.devices):
                complete.set()

        return hear

    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            emulate_bench(
                bench,
                plant,
                bench.devices,
                Lane(clock, 0, 1),
                seeds,
                MemoryPlaces(board),
                heard(told.wires),
                heard(told.failed),
                told.news.tell,
                orders,
            ),
            name="emulated devices",
        )
        await complete.wait()
        try:
            yield told
        finally:
            task.cancel()
