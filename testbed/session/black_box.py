"""A run that keeps only its last minutes, and saves them around whatever makes them worth keeping."""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.clock import NS, Clock
from testbed.errors import TestbedError
from testbed.signals import Event, Hub, Level, Quality, Sample, Signal, Stage

from .expectations import ExpectationVerdict, Judge
from .file import SUFFIX, save_excerpt
from .file.worker import InlineWorker, ThreadWorker, Worker

AFTER_S = 5.0
"""Seconds after a trigger that are saved with what came before it."""

VERDICT = "saved"
"""What a saved part of a run says in place of a verdict: it was not judged for itself."""

_CHECK_NS = NS // 4
_COMMITTED_NS = NS // 2  # what has been recorded is in the file by then
_PATIENCE_S = 60.0
_SLACK_S = 10.0  # for saving what was kept, while the recording goes on

Report = Callable[[Event], None]


@dataclass(frozen=True)
class Window:
    """What a run keeps of itself: its last seconds; and the signals that save them by turning true."""

    keep_s: float
    triggers: tuple[Signal, ...] = ()

    @property
    def recorded_s(self) -> float:
        """How long what is recorded must stay, to be there when it is saved after a trigger."""
        return self.keep_s + AFTER_S + _SLACK_S


@dataclass
class _Save:
    """What is to be saved: because of what, when that was, and what came of it."""

    cause: str
    time_ns: int
    path: Path
    problem: str = ""


class BlackBox:
    """Waits for triggers: an expectation fails, an event of level error, a signal turns true, a key.

    What was recorded from `keep_s` before a trigger to AFTER_S after it becomes a session beside that of
    the run. The same cause again within AFTER_S is no trigger of its own; a key always is.
    """

    def __init__(
        self,
        window: Window,
        file: Path,
        clock: Clock,
        hub: Hub,
        judges: Sequence[Judge],
        report: Report,
        *,
        thread: bool,
    ) -> None:
        """Begin to watch a run that records to `file`; `thread` says whether saving may take one."""
        self.saved: list[Path] = []
        """The sessions that were saved, in the order of their triggers."""
        self._file = file
        self._clock = clock
        self._judges = judges
        self._report = report
        self._keep_ns = round(window.keep_s * NS)
        self._triggers = {signal.id: signal for signal in window.triggers}
        self._true: set[int] = set()
        self._failed: set[int] = set()
        self._last: dict[str, int] = {}
        self._number = 0
        self._waiting: deque[_Save] = deque()
        self._done: deque[_Save] = deque()  # filled by the worker
        self._worker: Worker = (ThreadWorker if thread else InlineWorker)(lambda: None)
        for signal in self._triggers:
            hub.subscribe(signal, Stage.WATCH, self._sample)
        self._ticker = clock.every(_CHECK_NS, self._check)
        text = f"keeping the last {window.keep_s:g} s; s or SIGUSR1 to process {os.getpid()} saves them"
        report(Event(clock.now(), Level.INFO, "run", "black-box", text))

    # Triggers ---------------------------------------------------------------------------------

    def event(self, event: Event) -> None:
        """Take an event: one of level error is a trigger."""
        if event.level is Level.ERROR:
            self._trigger(f"{event.source} {event.kind}", event.text.splitlines()[0], event.time_ns)

    def key(self) -> None:
        """Save because a person asked for it."""
        self._begin("somebody asked for it", self._clock.now())

    def _sample(self, sample: Sample) -> None:
        if sample.quality is not Quality.GOOD:
            return
        was, now = sample.signal in self._true, sample.value != 0
        if now and not was:
            self._true.add(sample.signal)
            path = self._triggers[sample.signal].path
            self._trigger(path, f"{path} turned true", sample.time_ns)
        elif was and not now:
            self._true.discard(sample.signal)

    def _judge(self, now: int) -> None:
        for number, judge in enumerate(self._judges):
            if number in self._failed:
                continue
            judgement = judge.finish(now)
            if judgement.verdict is ExpectationVerdict.FAILED:
                self._failed.add(number)
                self._begin(f"{judgement.text}: {judgement.detail}", now)

    def _trigger(self, kind: str, cause: str, time_ns: int) -> None:
        last = self._last.get(kind)
        if last is None or time_ns - last > AFTER_S * NS:
            self._last[kind] = time_ns
            self._begin(cause, time_ns)

    # Saving -----------------------------------------------------------------------------------

    def _begin(self, cause: str, time_ns: int) -> None:
        self._waiting.append(_Save(cause, time_ns, self._name()))
        text = f"saving around this: {cause}"
        self._report(Event(self._clock.now(), Level.INFO, "run", "trigger", text))

    def _name(self) -> Path:
        """Return a name beside the run's own that is not taken."""
        stem = self._file.name.removesuffix(SUFFIX)
        while True:
            self._number += 1
            path = self._file.with_name(f"{stem}_saved-{self._number}{SUFFIX}")
            if not path.exists():
                return path

    def _check(self) -> None:
        now = self._clock.now()
        self._judge(now)
        while self._waiting and self._waiting[0].time_ns + AFTER_S * NS + _COMMITTED_NS <= now:
            self._start(self._waiting.popleft(), now)
        self._tell()

    def _start(self, save: _Save, now: int) -> None:
        to_ns = min(now, save.time_ns + round(AFTER_S * NS))
        from_ns = save.time_ns - self._keep_ns
        self._worker.do(lambda: self._save(save, from_ns, to_ns))

    def _save(self, save: _Save, from_ns: int, to_ns: int) -> None:
        """Save a part, in the worker."""
        facts = {"verdict": VERDICT, "trigger": {"cause": save.cause, "time_ns": save.time_ns}}
        try:
            save_excerpt(self._file, save.path, from_ns, to_ns, facts)
        except (sqlite3.Error, OSError, TestbedError) as error:
            save.problem = str(error)
        self._done.append(save)

    def _tell(self) -> None:
        while self._done:
            save = self._done.popleft()
            if save.problem:
                level, text = Level.WARNING, f"could not save {save.path}: {save.problem}"
            else:
                self.saved.append(save.path)
                level, text = Level.INFO, f"saved {save.path}: {save.cause}"
            self._report(Event(self._clock.now(), level, "run", "saved", text))

    def rest(self) -> None:
        """Judge expectations no more: what actuators do on their way to safety was not what is expected."""
        self._judges = ()

    def close(self) -> None:
        """Save what was still waiting; the run's own file is complete by now."""
        self._ticker.cancel()
        now = self._clock.now()
        while self._waiting:
            self._start(self._waiting.popleft(), now)
        if not self._worker.close(_PATIENCE_S):
            text = f"gave up saving after {_PATIENCE_S:g} s"
            self._report(Event(now, Level.WARNING, "run", "saved", text))
        self._tell()
