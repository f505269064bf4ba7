"""A bench in virtual time with somebody at it: a coroutine that runs beside it and ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from testbed.bench import Bench
from testbed.clock import VirtualClock
from testbed.session.assembly import Assembly
from testbed.session.run import Run
from testbed.session.virtual import run_virtually

Hands = Callable[[Assembly, VirtualClock], Awaitable[None]]


def run_by_hand(bench: Bench, path: Path, hands: Hands) -> None:
    """Run a bench while `hands` does something, and end it; what `hands` raises is raised."""
    tasks: list[asyncio.Task[None]] = []
    runs: list[tuple[Run, VirtualClock]] = []

    async def use(parts: Assembly) -> None:
        run, clock = runs[0]
        try:
            await clock.sleep(1.0)  # all devices are online then
            await hands(parts, clock)
        finally:
            run.stop("done")

    def assembled(parts: Assembly) -> None:
        tasks.append(asyncio.get_running_loop().create_task(use(parts)))

    run_virtually(
        bench, path, 3600.0, seed=0, tell=lambda event: None,
        begun=lambda run, clock: runs.append((run, clock)), assembled=assembled,
    )  # fmt: skip
    tasks[0].result()
