"""Reads a session on and on while it is written, and keeps what somebody has to know who begins to look."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from testbed.session.file import UNFINISHED, Chunk
from testbed.signals import Event, Quality

from .history import Curve, History, thin
from .timing import LoopTiming

_POINTS = 24  # of one signal in one message; a faster one is thinned, its extremes kept
_TIMING_EVERY = 5  # messages
_EVENTS = 200
_CYCLES = 20_000

Message = dict[str, Any]


class Followed(History):
    """A session that is read on and on. Belongs to one thread, because SQLite's connection does."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._chunk_seen = self._cycle_seen = self._event_seen = 0
        self._next = [0] * len(self.signals)
        self.shown: dict[str, list[Any]] = {}
        """[ms, value or None, quality, reason] of each signal's newest sample, by path."""
        self.totals: dict[str, int] = {}
        self.timings = {name: LoopTiming() for name in self.loops()}
        self.told: deque[Message] = deque(maxlen=_EVENTS)
        self.ended_as = UNFINISHED
        self.updates = 0
        """How many updates there were."""
        self._skip_to_the_end()

    def _skip_to_the_end(self) -> None:
        """Begin with the newest sample of each signal; what came before is history."""
        with self._guard():
            (last,) = self._query("SELECT coalesce(max(id), 0) FROM chunks").fetchone()
        for signal, newest in self.newest().items():
            path = self.signals[signal].path
            self._next[signal] = self.totals[path] = newest.total
            sample = newest.sample
            self.shown[path] = self._shown(signal, sample.time_ns, sample.value, sample.quality)
        self._chunk_seen = last

    def hello(self) -> Message:
        """Return all that somebody has to know who begins to look on."""
        return {
            "type": "hello",
            "newest": self.shown,
            "events": list(self.told),
            "loops": {name: timing.as_dict() for name, timing in self.timings.items()},
            "verdict": self.ended_as,
        }

    def update(self) -> Message:
        """Return what is new since the last call."""
        verdict = self.verdict()  # asked first, so that all before the end is seen
        message: Message = {"type": "update", "samples": self._samples(), "events": self._new_events()}
        message["newest"] = {path: self.shown[path] for path in message["samples"]}
        verdict = verdict if self._follow_cycles() else UNFINISHED
        if self.updates % _TIMING_EVERY == 0 or verdict != UNFINISHED:
            message["loops"] = {name: timing.as_dict() for name, timing in self.timings.items()}
        self.updates += 1
        message["verdict"] = self.ended_as = verdict
        return message

    def _samples(self) -> dict[str, Any]:
        gathered: dict[int, list[Chunk]] = {}
        for chunk in self.chunks(self._chunk_seen):
            self._chunk_seen = chunk.id
            gathered.setdefault(chunk.signal, []).append(chunk)
        found = {}
        for signal, chunks in gathered.items():
            curve, quality = self._joined(signal, chunks)
            if not len(curve.times):
                continue
            path = self.signals[signal].path
            self.shown[path] = self._shown(signal, int(curve.times[-1]), float(curve.values[-1]), quality)
            found[path] = as_columns(_few(curve))
        return found

    def _joined(self, signal: int, chunks: list[Chunk]) -> tuple[Curve, Quality]:
        """Return what was not seen yet: chunks that were merged meanwhile may come again."""
        times, values = [], []
        for chunk in chunks:
            skip = max(0, self._next[signal] - chunk.first)
            value = np.array(chunk.values[skip:], np.float64)
            value[np.frombuffer(chunk.qualities[skip:], np.uint8) == Quality.BAD] = np.nan
            times.append(np.array(chunk.times[skip:], np.int64))
            values.append(value)
            self._next[signal] = max(self._next[signal], chunk.first + len(chunk.times))
        self.totals[self.signals[signal].path] = self._next[signal]
        return Curve(np.concatenate(times), np.concatenate(values)), Quality(chunks[-1].qualities[-1])

    def _shown(self, signal: int, time_ns: int, value: float, quality: Quality) -> list[Any]:
        """Return [ms, value or None, quality, reason]."""
        reason = "" if quality is Quality.GOOD else self._reason(signal)
        return [time_ns / 1e6, value if math.isfinite(value) else None, quality.word, reason]

    def _reason(self, signal: int) -> str:
        with self._guard():
            row = self._query(
                "SELECT reason FROM reasons WHERE signal = ? ORDER BY first DESC LIMIT 1", signal
            ).fetchone()
        return str(row[0]) if row else ""

    def _new_events(self) -> list[Message]:
        with self._guard():
            rows = self._query(
                "SELECT id, time_ns, level, source, kind, text FROM events WHERE id > ? ORDER BY id",
                self._event_seen,
            ).fetchall()
        found = []
        for number, time_ns, level, source, kind, text in rows:
            self._event_seen = number
            found.append(as_message(Event(time_ns, level, source, kind, text)))
        self.told.extend(found)
        return found[-_EVENTS:]

    def _follow_cycles(self) -> bool:
        """Count the next cycles, as many as there is time for; return whether these were all."""
        counted = 0
        for number, loop, cycles in self.cycle_chunks(self._cycle_seen):
            self._cycle_seen = number
            timing = self.timings.setdefault(loop, LoopTiming())
            for cycle in cycles:
                timing.add(cycle)
            counted += len(cycles)
            if counted > _CYCLES:
                return False
        return True


def as_message(event: Event) -> Message:
    """Return an event as JSON has it, its time in ms."""
    return {
        "t": event.time_ns / 1e6,
        "level": str(event.level),
        "source": event.source,
        "kind": event.kind,
        "text": event.text.splitlines()[0] if event.text else "",
    }


def as_columns(curve: Curve) -> dict[str, list[Any]]:
    """Return a curve as JSON has it: t in ms, v with null for gaps."""
    values = [value if math.isfinite(value) else None for value in curve.values.tolist()]
    return {"t": (curve.times / 1e6).tolist(), "v": values}


def _few(curve: Curve) -> Curve:
    count = len(curve.times)
    if count <= _POINTS:
        return curve
    width = max(1, int(curve.times[-1] - curve.times[0]) // (_POINTS // 2) + 1)
    return thin(curve, int(curve.times[0]), width)
