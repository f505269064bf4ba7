"""Records a session while it runs: appends in the event loop, commits in a thread of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from testbed.clock import NS, Clock, Ticker
from testbed.links import Tap
from testbed.signals import Command, Event, Sample, Signal

from .columns import CycleLog, FrameColumn, SampleColumn
from .disk import create_store, sync, why_stopped
from .store import Batch, Store
from .worker import InlineWorker, ThreadWorker, Worker

COMMIT_S = 0.18
"""Time between two hand-overs: with the commit itself, nothing waits longer than 250 ms."""

_TRIMS = 20  # times that a rolling recording is trimmed while it keeps what was


@dataclass(frozen=True)
class _Work:
    """What is at work between start and end."""

    store: Store
    worker: Worker
    ticker: Ticker


class SessionWriter:
    """Records one session in one file.

    All methods belong to the event loop's thread. What is recorded costs the caller a few appends;
    every 180 ms the columns are handed whole to the writer thread, which commits them. While a slow
    disk keeps that thread busy the columns go on growing, up to `stall_limit` seconds. Without a thread
    (in virtual time) they are committed in the event loop's turn.

    When the disk fails, recording stops: `recording` turns False, `on_failure` is called once with
    the reason, later calls do nothing, and all that was committed before stays readable.
    """

    stall_limit = 60.0
    """Seconds that one commit may take before recording is given up."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        signals: Sequence[Signal],
        *,
        metadata: Mapping[str, Any],
        attachments: Mapping[str, bytes],
        on_failure: Callable[[str], None],
        redact: Callable[[str], str] = str,
        thread: bool = True,
        period_s: float = COMMIT_S,
        keep_s: float | None = None,
    ) -> None:
        """Prepare; nothing is written before `start`. `path` should end in SUFFIX.

        `redact` takes out of every text what nobody may read. `period_s` is the session time between two
        commits in seconds: what a crash may cost. With `keep_s` only the last so many seconds are kept.
        """
        self.path = path
        self.recording = False
        self._clock = clock
        self._signals = list(signals)
        self._metadata = dict(metadata)
        self._attachments = dict(attachments)
        self._on_failure: Callable[[str], None] | None = on_failure
        self._columns = [SampleColumn(index) for index in range(len(self._signals))]
        self._frames: dict[str, FrameColumn] = {}
        self._cycles: dict[str, CycleLog] = {}
        self._rows = Batch()
        self._redact = redact
        self._threaded = thread
        self._period_ns = round(period_s * NS)
        self._keep_ns = None if keep_s is None else round(keep_s * NS)
        self._trimmed_ns = clock.now()
        self._handed_ns = 0
        self._failure = ""
        self._work: _Work | None = None

    # What is recorded -------------------------------------------------------------------------

    def sample(self, sample: Sample) -> None:
        """Record a sample; subscribe it to the hub at stage RECORD."""
        if self.recording:
            self._columns[sample.signal].add(sample)

    def tap(self, device: str) -> Tap:
        """Return the tap that records the frames of one device, for its link."""
        return self._frames.setdefault(device, FrameColumn(device)).add

    def cycles(self, loop: str) -> CycleLog:
        """Return the log of one loop's cycles; the loop is listed even if it never runs."""
        if loop not in self._cycles:
            self._cycles[loop] = CycleLog(loop)
            self._rows.loops.append(loop)
        return self._cycles[loop]

    def command(self, command: Command) -> None:
        """Record a command; call it once, when the outcome is known."""
        if self.recording:
            self._rows.commands.append(command)

    def event(self, event: Event) -> None:
        """Record an event."""
        if self.recording:
            self._rows.events.append(event)

    def tick(self, owner: str, ticker: int, due_ns: int) -> None:
        """Record when the first tick of a ticker is due; `ticker` counts those of its owner."""
        if self.recording:
            self._rows.ticks.append((owner, ticker, due_ns))

    def holdup(self, from_ns: int, to_ns: int) -> None:
        """Record that all deadlines had to wait for a busy machine."""
        if self.recording:
            self._rows.holdups.append((from_ns, to_ns))

    def overtaken(self, device: str, time_ns: int, after_ns: int) -> None:
        """Record that a sample was walked after younger ones, the last of them before `after_ns`."""
        if self.recording:
            self._rows.overtaken.append((device, time_ns, after_ns))

    def twin_state(self, device: str, time_ns: int, state: Mapping[str, float]) -> None:
        """Record what the model of a device's twin has come to, name to number."""
        if self.recording:
            self._rows.twin_states.append((device, time_ns, dict(state)))

    def clock_pair(self, session_ns: int, utc_ns: int) -> None:
        """Record what the system's clock said at a session time, both in ns."""
        if self.recording:
            self._rows.clock_pairs.append((session_ns, utc_ns))

    # Start and end ----------------------------------------------------------------------------

    def start(self) -> None:
        """Create the file with the start metadata in it and begin to record.

        Raises UsageError when the file exists already or cannot be made.
        """
        metadata = {"started_ns": self._clock.now(), **self._metadata}
        if self._keep_ns is not None:
            metadata["window"] = {"keep_s": self._keep_ns / NS}
        store = create_store(self.path, self._signals, metadata, self._attachments, self._redact)
        self._attachments.clear()
        self.recording = True
        worker = (ThreadWorker if self._threaded else InlineWorker)(self._commit_failed)
        self._work = _Work(store, worker, self._clock.every(self._period_ns, self._tick))

    def close(self, metadata: Mapping[str, Any]) -> None:
        """Commit what is left, then the end metadata, safely on disk; never raises for the disk's sake.

        After a failure the end metadata is still tried, with the key `recording_failure`.
        """
        work = self._work
        if work is None:
            return
        if self.recording:
            work.worker.do(partial(work.store.write, self._take()))
        self._stop()
        self._work = None
        done = work.worker.close(self.stall_limit)
        if work.worker.error is not None:
            self._failure = self._failure or why_stopped(self.path, work.worker.error)
        if done:
            self._finish(work.store, {"ended_ns": self._clock.now(), **metadata})
        elif not self._failure:
            self._failure = f"{self.path} may lack its end: no commit within {self.stall_limit:g} s"
        if self._failure:
            self._failed(self._failure)

    def _finish(self, store: Store, metadata: dict[str, Any]) -> None:
        if self._failure:
            metadata["recording_failure"] = self._failure
        try:
            store.finish(metadata)
            sync(self.path.parent)
        except (sqlite3.Error, OSError) as error:
            self._failure = self._failure or why_stopped(self.path, error)
        finally:
            store.close()

    # Hand-over, in the event loop -------------------------------------------------------------

    def _tick(self) -> None:
        work, now = self._work, self._clock.now()
        assert work is not None  # noqa: S101  (we are the callback of its ticker)
        if work.worker.idle:
            self._handed_ns = now
            work.worker.do(partial(work.store.write, self._take()))
            self._trim(work, now)
        elif now - self._handed_ns > self.stall_limit * NS:
            self._failed(f"recording to {self.path} stopped: no commit within {self.stall_limit:g} s")

    def _trim(self, work: _Work, now: int) -> None:
        """Let what is too old go, now and then, if only the last minutes are to be kept."""
        keep = self._keep_ns
        if keep is not None and now - self._trimmed_ns >= keep // _TRIMS:
            self._trimmed_ns = now
            work.worker.do(partial(work.store.trim, now - keep))

    def _take(self) -> Batch:
        batch, self._rows = self._rows, Batch()
        batch.samples = [taken for column in self._columns if (taken := column.take())]
        batch.frames = [passed for frames in self._frames.values() if (passed := frames.take())]
        batch.cycles = [ran for log in self._cycles.values() if (ran := log.take())]
        return batch

    def _stop(self) -> None:
        self.recording = False
        if self._work is not None:
            self._work.ticker.cancel()
        for frames in self._frames.values():
            frames.closed = True
        for cycles in self._cycles.values():
            cycles.closed = True

    def _commit_failed(self) -> None:
        if self._work is not None and self._work.worker.error is not None:  # else: `close` tells
            self._failed(why_stopped(self.path, self._work.worker.error))

    def _failed(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._stop()
        if self._on_failure is not None:
            on_failure, self._on_failure = self._on_failure, None
            on_failure(reason)
