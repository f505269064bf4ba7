"""The live view of a run: a process of its own that reads the session file while it is written.

So drawing can never delay a control loop. `run` starts it on a terminal; `python -m testbed.cli.live
SESSION` looks on at any session that is running.
"""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from testbed.bench import Bench
    from testbed.session.file import SessionReader
    from testbed.signals import Event, Signal

_REFRESH = 0.25  # s; as often as the session file is committed
_PATIENCE = 10.0  # s to wait for the file to appear
_BARS = "▁▂▃▄▅▆▇█"
_BAR_COUNT = 32
_EVENT_COUNT = 6
_CYCLE_COUNT = 2000  # newest cycles that percentiles are taken over


@contextlib.contextmanager
def live_view(
    path: Path, bench: Bench, seconds: float | None, *, wanted: bool
) -> Iterator[Callable[[Event], None] | None]:
    """Show the session at `path` on stderr while the block runs, if that is a terminal.

    Yields what takes events instead of printing them (the view shows them itself), or None when there
    is no view.
    """
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    arguments = [str(path), str(seconds or 0), bench.name]
    viewer = subprocess.Popen(
        [sys.executable, "-m", "testbed.cli.live", *arguments], stdin=subprocess.DEVNULL
    )
    try:
        yield lambda event: None
        with contextlib.suppress(subprocess.TimeoutExpired):
            viewer.wait(5.0)  # it ends by itself when it has seen the end of the session
    finally:
        viewer.terminate()
        viewer.wait()


class _Trend:
    """The newest of one signal: last sample, and a bar for each of the last commits."""

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self.value = math.nan
        self.quality = "waiting"
        self.means: deque[float] = deque(maxlen=_BAR_COUNT)

    def bars(self) -> str:
        if not self.means:
            return ""
        low, high = min(self.means), max(self.means)
        span = high - low or 1.0
        return "".join(_BARS[int((mean - low) / span * (len(_BARS) - 1))] for mean in self.means)


class _View:
    """Follows a session file by its newest chunks only, so a long session costs no more than a short one."""

    def __init__(self, session: SessionReader, seconds: float, bench: str) -> None:
        self._session = session
        self._seconds = seconds
        self._bench = bench
        self._start_ns = session.span()[0]
        self._trends = [_Trend(signal) for signal in session.signals]
        self._loops = {loop: deque[Any](maxlen=_CYCLE_COUNT) for loop in session.loops()}
        self._chunk = self._cycle = 0

    def update(self) -> None:
        from testbed.signals import Quality

        for chunk in self._session.chunks(self._chunk):
            self._chunk = chunk.id
            trend = self._trends[chunk.signal]
            trend.value = chunk.values[-1]
            trend.quality = Quality(chunk.qualities[-1]).word
            good = [value for value in chunk.values if value == value]
            if good:
                trend.means.append(sum(good) / len(good))
        for number, cycle in self._session.cycles_after(self._cycle):
            self._cycle = number
            self._loops.setdefault(cycle.loop, deque(maxlen=_CYCLE_COUNT)).append(cycle)

    def draw(self) -> RenderableType:
        from rich.console import Group

        elapsed = (time.time_ns() - self._start_ns) / 1e9
        return Group(self._heading(elapsed), self._signals(), self._timing(), self._events())

    def _heading(self, elapsed: float) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        row = Table.grid(padding=(0, 2))
        shown = min(elapsed, self._seconds) if self._seconds else elapsed
        left = f"{shown:5.1f} s" + (f" of {self._seconds:g} s" if self._seconds else "")
        bar = ProgressBar(total=self._seconds or 1.0, completed=shown if self._seconds else 0.0, width=40)
        row.add_row(f"[bold]{self._bench}[/]", left, bar)
        return row

    def _signals(self) -> RenderableType:
        from rich.table import Table

        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for heading, justify in (("signal", "left"), ("value", "right"), ("unit", "left"), ("", "left")):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        table.add_column("quality")
        for trend in self._trends:
            value = f"{trend.value:.2f}" if math.isfinite(trend.value) else "-"
            style = {"good": "green", "waiting": "dim", "uncertain": "yellow"}.get(trend.quality, "red")
            bars = f"[cyan]{trend.bars()}[/]"
            table.add_row(trend.signal.path, value, trend.signal.unit, bars, f"[{style}]{trend.quality}[/]")
        return table

    def _timing(self) -> RenderableType:
        from rich.table import Table

        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for heading in ("loop", "cycles/s", "late p50 us", "sample to actuation p50 us", "p99 us"):
            table.add_column(heading, justify="left" if heading == "loop" else "right")
        for name, cycles in self._loops.items():
            times = [cycle.time_ns for cycle in cycles]
            span = (times[-1] - times[0]) / 1e9 if len(times) > 1 else 0.0
            rate = f"{(len(times) - 1) / span:.1f}" if span else "-"
            late = sorted(cycle.lateness_ns for cycle in cycles)
            reached = sorted(cycle.acknowledged_ns for cycle in cycles if cycle.acknowledged_ns >= 0)
            table.add_row(name, rate, _at(late, 0.5), _at(reached, 0.5), _at(reached, 0.99))
        return table

    def _events(self) -> RenderableType:
        from rich.text import Text

        lines = Text()
        for event in deque(self._session.events(), maxlen=_EVENT_COUNT):
            style = {"error": "red", "warning": "yellow"}.get(event.level.value, "dim")
            lines.append(event.text.splitlines()[0] + "\n", style=style)
        return lines


def _at(values: list[int], share: float) -> str:
    return f"{values[int(share * (len(values) - 1))] / 1000:.0f}" if values else "-"


def _follow(path: Path, seconds: float, bench: str) -> None:
    from rich.console import Console
    from rich.live import Live

    from testbed.session.file import UNFINISHED, SessionReader

    deadline = time.monotonic() + _PATIENCE
    while not path.exists():
        if time.monotonic() > deadline:
            return
        _pause()
    with SessionReader(path) as session:
        view = _View(session, seconds, bench)
        with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
            while True:
                ended = session.verdict() != UNFINISHED
                view.update()
                live.update(view.draw(), refresh=True)
                if ended:
                    return
                _pause()


def _pause() -> None:
    time.sleep(_REFRESH)  # a process of its own, with nothing else to do meanwhile


def main() -> None:
    """Follow the session named on the command line until it ends."""
    import signal

    # Ctrl-C reaches the whole terminal: the run ends by it, and we end when we have seen its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    path, seconds, bench = [*sys.argv[1:], "0", ""][:3]
    _follow(Path(path), float(seconds), bench)


if __name__ == "__main__":
    main()
