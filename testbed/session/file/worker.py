"""Where the blocking jobs of a session writer run: in a thread beside the event loop, or within its turn."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Protocol

Job = Callable[[], None]


class Worker(Protocol):
    """Runs jobs in the order in which they are given, until one of them fails."""

    error: Exception | None
    """What the job that failed raised; none has run after it."""

    @property
    def idle(self) -> bool:
        """Whether every job that was given is done."""

    def do(self, job: Job) -> None:
        """Give it a job."""

    def close(self, patience: float) -> bool:
        """Finish what was given; return whether that was done within `patience` seconds."""


class ThreadWorker:
    """Works in a thread of its own, so that a slow disk never holds up the event loop."""

    def __init__(self, failed: Callable[[], None]) -> None:
        """Start; `failed` is called in the running event loop after a job has failed."""
        self.error: Exception | None = None
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._given = 0  # counted by the event loop
        self._done = 0  # counted by the thread
        # A daemon: should the process end without `close`, it must not wait for this thread for ever.
        self._thread = threading.Thread(target=self._work, name="session writer", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether every job that was given is done."""
        return self._done == self._given

    def do(self, job: Job) -> None:
        """Queue a job."""
        self._given += 1
        self._jobs.put(job)

    def close(self, patience: float) -> bool:
        """Finish what was given; return whether that was done within `patience` seconds."""
        self._jobs.put(None)
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self.error is None:
                self._try(job)
            self._done += 1

    def _try(self, job: Job) -> None:
        try:
            job()
        except Exception as error:  # whatever it is, it ends the recording and must be told
            self.error = error
            with contextlib.suppress(RuntimeError):  # the loop is closed already: who closes us tells
                self._loop.call_soon_threadsafe(self._failed)


class InlineWorker:
    """Works at once, in the caller's turn: in virtual time nothing waits, and no thread may be."""

    idle = True

    def __init__(self, failed: Callable[[], None]) -> None:
        """Prepare; `failed` is called after a job has failed."""
        self.error: Exception | None = None
        self._failed = failed

    def do(self, job: Job) -> None:
        """Run a job."""
        if self.error is not None:
            return
        try:
            job()
        except Exception as error:  # as in the thread
            self.error = error
            self._failed()

    def close(self, patience: float) -> bool:
        """Return True: all is done."""
        return True
