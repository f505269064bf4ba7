"""How far a long job is, on a terminal only."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbed.clock import Clock

_STEP_NS = 1_000_000_000


@contextlib.contextmanager
def follow_clock(
    what: str, seconds: float | None, *, wanted: bool = True
) -> Iterator[Callable[[Clock], None]]:
    """Show how far a clock has come while the block runs; yields what is to be told of the clock.

    Draws by the clock's own ticks and without a thread, which virtual time would refuse.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    if not (wanted and console.is_terminal):
        yield lambda clock: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f} s"))
    with contextlib.ExitStack() as stack:
        progress = Progress(*columns, console=console, transient=True, auto_refresh=False)

        def follow(clock: Clock) -> None:
            start_ns = clock.now()
            task = progress.add_task(what, total=seconds)
            progress.start()
            stack.callback(progress.stop)

            def draw() -> None:
                progress.update(task, completed=(clock.now() - start_ns) / 1e9)
                progress.refresh()

            clock.every(_STEP_NS, draw, 0)

        yield follow


@contextlib.contextmanager
def follow_steps(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many steps of a job are done; yields what takes (done, all)."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total: None
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextlib.contextmanager
def follow_time(what: str, start_ns: int, end_ns: int) -> Iterator[Callable[[int], None]]:
    """Show how far a job has come in recorded time; yields what takes the time reached, in ns."""
    if not sys.stderr.isatty():
        yield lambda time_ns: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=max(1, end_ns - start_ns))
        yield lambda time_ns: progress.update(task, completed=time_ns - start_ns)


@contextlib.contextmanager
def follow_count(what: str, unit: str) -> Iterator[Callable[[int], None]]:
    """Show how much a job of unknown length has done; yields what takes the count reached."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda count: status.update(f"{what}: {count:,} {unit}")
