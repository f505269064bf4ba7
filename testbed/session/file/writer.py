"""Records a session while it runs: appends in the event loop, commits in a thread of its own."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from testbed.clock import NS, Clock, Ticker
from testbed.errors import UsageError
from testbed.links import Tap
from testbed.signals import Command, Event, Sample, Signal

from .columns import CycleLog, FrameColumn, SampleColumn
from .store import Batch, Store, sync
from .worker import InlineWorker, ThreadWorker, Worker

COMMIT_S = 0.18
"""Time between two hand-overs: with the commit itself, nothing waits longer than 250 ms."""

_TRIMS = 20  # times that a rolling recording is trimmed while it keeps what was


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
        self._store: Store | None = None
        self._worker: Worker | None = None
        self._ticker: Ticker | None = None

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
        self._store = _create(self.path, self._signals, metadata, self._attachments, self._redact)
        self._attachments.clear()
        self.recording = True
        self._worker = (ThreadWorker if self._threaded else InlineWorker)(self._commit_failed)
        self._ticker = self._clock.every(self._period_ns, self._tick)

    def close(self, metadata: Mapping[str, Any]) -> None:
        """Commit what is left, then the end metadata, safely on disk; never raises for the disk's sake.

        After a failure the end metadata is still tried, with the key `recording_failure`.
        """
        if self._worker is None:
            return
        if self.recording:
            self._hand_over()
        self._stop()
        worker, self._worker = self._worker, None
        done = worker.close(self.stall_limit)
        if worker.error is not None:
            self._failure = self._failure or _told(self.path, worker.error)
        if done:
            self._finish({"ended_ns": self._clock.now(), **metadata})
        elif not self._failure:
            self._failure = f"{self.path} may lack its end: no commit within {self.stall_limit:g} s"
        if self._failure:
            self._failed(self._failure)

    def _finish(self, metadata: dict[str, Any]) -> None:
        store = self._store
        assert store is not None  # noqa: S101  (set by start, without which there is no worker)
        if self._failure:
            metadata["recording_failure"] = self._failure
        try:
            store.finish(metadata)
            sync(self.path.parent)
        except (sqlite3.Error, OSError) as error:
            self._failure = self._failure or _told(self.path, error)
        finally:
            store.close()

    # Hand-over, in the event loop -------------------------------------------------------------

    def _tick(self) -> None:
        worker = self._worker
        assert worker is not None  # noqa: S101  (set by start before the ticker)
        if worker.idle:
            self._handed_ns = self._clock.now()
            self._hand_over()
            self._trim()
        elif self._clock.now() - self._handed_ns > self.stall_limit * NS:
            self._failed(f"recording to {self.path} stopped: no commit within {self.stall_limit:g} s")

    def _hand_over(self) -> None:
        worker, store = self._worker, self._store
        assert worker is not None  # noqa: S101  (set by start, as the store)
        assert store is not None  # noqa: S101
        worker.do(partial(store.write, self._take()))

    def _trim(self) -> None:
        """Let what is too old go, now and then, if only the last minutes are to be kept."""
        now, keep = self._clock.now(), self._keep_ns
        if keep is None or now - self._trimmed_ns < keep // _TRIMS:
            return
        self._trimmed_ns = now
        assert self._worker is not None  # noqa: S101  (set by start before the ticker, as the store)
        assert self._store is not None  # noqa: S101
        self._worker.do(partial(self._store.trim, now - keep))

    def _take(self) -> Batch:
        batch, self._rows = self._rows, Batch()
        batch.samples = [taken for column in self._columns if (taken := column.take())]
        batch.frames = [passed for frames in self._frames.values() if (passed := frames.take())]
        batch.cycles = [ran for log in self._cycles.values() if (ran := log.take())]
        return batch

    def _stop(self) -> None:
        self.recording = False
        if self._ticker is not None:
            self._ticker.cancel()
        for frames in self._frames.values():
            frames.closed = True
        for cycles in self._cycles.values():
            cycles.closed = True

    def _commit_failed(self) -> None:
        if self._worker is not None and self._worker.error is not None:  # else: `close` tells
            self._failed(_told(self.path, self._worker.error))

    def _failed(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._stop()
        if self._on_failure is not None:
            on_failure, self._on_failure = self._on_failure, None
            on_failure(reason)


def _create(
    path: Path,
    signals: Sequence[Signal],
    metadata: Mapping[str, Any],
    attachments: Mapping[str, bytes],
    redact: Callable[[str], str],
) -> Store:
    """Make the file and everything that is known at the start; leaves nothing behind when it cannot."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("xb").close()
    except OSError as error:
        if path.exists():
            message = f"{path} exists already, and no recording is ever overwritten"
            raise UsageError(message, "give another name") from None
        raise UsageError(f"cannot record to {path}: {error.strerror}", "choose another folder") from error
    store = Store(path, redact)
    try:
        store.create(signals, metadata, attachments)
        sync(path.parent)
    except (sqlite3.Error, OSError) as error:
        store.close()
        for ending in ("", "-journal", "-wal", "-shm"):
            Path(f"{path}{ending}").unlink(missing_ok=True)
        raise UsageError(f"cannot record to {path}: {error}", "choose another folder") from error
    return store


def _told(path: Path, error: Exception) -> str:
    cause = "the disk is full" if _is_full(error) else f"{type(error).__name__}: {error}"
    return f"recording to {path} stopped: {cause}; all that was recorded before is kept"


def _is_full(error: Exception) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
