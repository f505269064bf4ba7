"""The points of one session: which measurement, tags and fields each thing recorded gets."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import lt
from pathlib import Path
from typing import Any, NamedTuple

from testbed.clock import NS
from testbed.session.file import ACTED_SAFE, OVERRUN, Chunk, Cycle, TwinState
from testbed.signals import Command, Event, Quality, Signal

from . import lines, names

Last = dict[str, tuple[int, int]]
"""The newest time (ns) of a series, and how many points before it had the same time."""

_REACHED = {"online": 1, "offline": 0}
"""Kinds of events that say whether a device is reached."""

_TERMS = Cycle._fields[2:]


class Reasons(NamedTuple):
    """From each of these samples of a signal on, the reason beside it holds (see SessionReader.reasons)."""

    numbers: Sequence[int]
    texts: list[str]


class Points:
    """Makes the lines of one session.

    Two points of one series and time would be one to InfluxDB. Where a session has several, the later ones
    get a tag `again` that counts them; `last` carries the count from call to call.
    """

    def __init__(self, path: Path, meta: dict[str, Any], signals: list[Signal]) -> None:
        self.session = session_id(meta, path)
        self.bench = str(meta.get("bench") or "bench")
        self._path = path
        self._meta = meta
        self._signals = signals
        devices = meta.get("devices")
        self._profiles = {
            name: str(about.get("profile") or name)
            for name, about in (devices.items() if isinstance(devices, dict) else ())
        }
        self._series = cache(self._sample_series)

    def _begin(self, measurement: str, **tags: str) -> str:
        return lines.series(measurement, {"bench": self.bench, "session": self.session, **tags})

    # Samples ----------------------------------------------------------------------------------

    def samples(self, chunk: Chunk, reasons: Reasons, last: Last) -> list[str]:
        """Return the lines of a chunk; a sample without a number has only its reason."""
        if self._is_plain(chunk, last):
            last[_sample_key(chunk.signal, Quality.GOOD)] = chunk.times[-1], 0
            name = self._signals[chunk.signal].name
            return lines.column(self._series(chunk.signal, Quality.GOOD), name, chunk.times, chunk.values)
        return list(self._one_by_one(chunk, reasons, last))

    def _is_plain(self, chunk: Chunk, last: Last) -> bool:
        """Return whether every sample is good, a number and later than the one before."""
        times = chunk.times
        return (
            not any(chunk.qualities)
            and math.isfinite(sum(chunk.values))
            and times[0] > last.get(_sample_key(chunk.signal, Quality.GOOD), (0, 0))[0]
            and all(map(lt, times, times[1:]))
        )

    def _one_by_one(self, chunk: Chunk, reasons: Reasons, last: Last) -> Iterator[str]:
        name, at = self._signals[chunk.signal].name, bisect_right(reasons.numbers, chunk.first)
        for time_ns, _, number, value, quality in chunk.rows():
            while at < len(reasons.numbers) and reasons.numbers[at] <= number:
                at += 1
            why = reasons.texts[at - 1] if at else ""
            if not math.isfinite(value):
                why = f"{value}: {why}" if why else f"{value}"
            fields: dict[str, lines.Field] = {name: value, name + names.REASON: why or None}
            again = _again(last, _sample_key(chunk.signal, quality), time_ns)
            yield lines.point(self._series(chunk.signal, quality) + again, fields, time_ns)

    def _sample_series(self, signal: int, quality: int) -> str:
        about = self._signals[signal]
        measurement = self._profiles.get(about.device, about.device)
        word = Quality(quality).word
        return self._begin(measurement, device=about.device, quality=word, unit=about.unit)

    # Loops, commands, events ------------------------------------------------------------------

    def cycle(self, cycle: Cycle, last: Last) -> str:
        """Return the line of a loop's cycle; durations that did not happen are left out."""
        fields: dict[str, lines.Field] = {
            "overrun": int(bool(cycle.flags & OVERRUN)),  # numbers, so that they can be summed
            "acted_safe": int(bool(cycle.flags & ACTED_SAFE)),
        }
        for name, value in zip(_TERMS, cycle[2:], strict=True):
            if name != "flags":
                fields[name] = None if name.endswith("_ns") and value == -1 else value
        series = self._begin(names.CYCLE, loop=cycle.loop)
        return lines.point(series + _again(last, f"loop {cycle.loop}", cycle.time_ns), fields, cycle.time_ns)

    def command(self, command: Command, last: Last) -> str:
        """Return the line of a settled command."""
        signal = self._signals[command.signal]
        outcome = str(command.outcome)
        series = self._begin(names.COMMAND, device=signal.device, signal=signal.name, outcome=outcome)
        fields: dict[str, lines.Field] = {
            "value": command.value,
            "requester": command.requester,
            "verdict": str(command.verdict),
            "reason": command.reason or None,
            "cause_ns": command.cause_ns or None,
            "sent_after_ns": command.sent_ns - command.time_ns if command.sent_ns else None,
            "done_after_ns": command.done_ns - command.time_ns,
        }
        key = f"command {signal.path} {outcome}"
        return lines.point(series + _again(last, key, command.time_ns), fields, command.time_ns)

    def twin_state(self, state: TwinState, last: Last) -> str | None:
        """Return the line of a twin's state; None while nothing of it is known."""
        if not any(map(math.isfinite, state.values.values())):
            return None
        series = self._begin(names.TWIN, device=state.device)
        again = _again(last, f"twin {state.device}", state.time_ns)
        return lines.point(series + again, state.values, state.time_ns)

    def event(self, event: Event, last: Last) -> str:
        """Return the line of an event, with the text of its annotation."""
        level = str(event.level)
        series = self._begin(names.EVENT, source=event.source, kind=event.kind, level=level)
        text = names.mark(event.text.partition("\n")[0], self.bench, self.session, event.time_ns)
        key = f"event {event.source} {event.kind} {level}"
        again = _again(last, key, event.time_ns)
        fields: dict[str, lines.Field] = {"text": event.text, "mark": text}
        if event.kind in _REACHED:
            fields["online"] = _REACHED[event.kind]
        return lines.point(series + again, fields, event.time_ns)

    # The session itself -----------------------------------------------------------------------

    def start(self, start_ns: int) -> str:
        """Return the line that says what the session is."""
        return lines.point(self._begin(names.SESSION), self._about(), start_ns)

    def _about(self) -> dict[str, lines.Field]:
        texts = {key: str(self._meta[key]) for key in ("mode", "testbed") if self._meta.get(key)}
        return {"file": self._path.name, "seed": int(self._meta.get("seed") or 0), **texts}

    def end(
        self, span: tuple[int, int], verdict: str, expectations: Iterable[dict[str, Any]]
    ) -> Iterator[str]:
        """Yield the lines of a session that has ended: from when to when it lasted and what it came to."""
        start_ns, end_ns = span
        came_to: dict[str, lines.Field] = {
            "verdict": verdict,
            "duration_s": (end_ns - start_ns) / NS,
            "ended_ms": end_ns // 1_000_000,
        }
        yield lines.point(self._begin(names.SESSION), {**self._about(), **came_to}, start_ns)
        yield self._verdict("", verdict, None, f"{self.bench}: {verdict}", end_ns)
        for each in expectations:
            what, found = str(each.get("text")), str(each.get("verdict"))
            yield self._verdict(what, found, each.get("margin"), f"{found}: {what}", end_ns)

    def _verdict(self, expectation: str, verdict: str, margin: object, text: str, time_ns: int) -> str:
        fields: dict[str, lines.Field] = {
            "verdict": verdict,
            "margin": float(margin) if isinstance(margin, (int, float)) else None,
            "text": text,
            "mark": names.mark(text, self.bench, self.session, time_ns),
        }
        return lines.point(self._begin(names.VERDICT, expectation=expectation), fields, time_ns)


def session_id(meta: dict[str, Any], path: Path) -> str:
    """Return what tells sessions apart: when the run was really started, in UTC to the millisecond.

    It stands in the file, so a session that is renamed or copied stays the same; session time would not
    do, since every virtual run begins at the same.
    """
    try:
        started = datetime.fromisoformat(str(meta["started"]))
        return started.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (KeyError, ValueError):
        return path.stem


def _sample_key(signal: int, quality: int) -> str:
    return f"{signal}/{quality}"


def _again(last: Last, key: str, time_ns: int) -> str:
    """Count a point and return the tag for one that has the time of the one before it."""
    before, count = last.get(key, (-1, 0))
    count = count + 1 if time_ns == before else 0
    last[key] = time_ns, count
    return f",again={count}" if count else ""
