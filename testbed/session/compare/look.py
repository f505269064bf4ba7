"""Looks at single records of a track, once it is known which, and at the bytes behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from testbed.session.describe import meaning_text
from testbed.session.evidence import Evidence, frame_of_sample, frames_of_command
from testbed.session.file import Frame
from testbed.signals import Command, Event, Quality, Sample

from .recording import Recording
from .rules import Kind
from .tracks import Track, Tracks, signal_of

_LEAD_IN = 128  # frames before those that are shown, so that an answer is known by what it answers

Record = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """A record, its place in its track, and what people and JSON see of it."""

    place: int
    item: Sample | Frame | Command | Event
    shown: Record


class Look:
    """Reads the records of one track of one recording."""

    def __init__(self, track: Track, tracks: Tracks, recording: Recording) -> None:
        self._track = track
        self._tracks = tracks
        self._recording = recording
        self._start = tracks.start(recording)

    def entries(self, first: int, end: int) -> list[Entry]:
        """Return the records from place `first` to before `end`, as many as there are."""
        first = max(first, 0)
        if self._track.kind is Kind.FRAMES:
            return self._frames(first, end)
        if self._track.kind is Kind.SAMPLES:
            items: Iterator[Sample | Command | Event] = self._samples(first, end)
        elif self._track.kind is Kind.COMMANDS:
            items = islice(self._commands(), first, end)
        else:
            items = islice(self._tracks.events(self._recording), first, end)
        return [
            Entry(place, item, {"record": place, "time_s": self._seconds(item.time_ns), **self._shown(item)})
            for place, item in enumerate(items, first)
        ]

    def frame(self, entry: Entry) -> Record | None:
        """Return the frame behind a record, with its fields; None when there is none."""
        device, _, name = self._track.name.partition(".")
        item, evidence = entry.item, None
        if isinstance(item, Sample):
            evidence = frame_of_sample(self._recording, device, name, item.time_ns)
        elif isinstance(item, Command):
            until_ns = max(item.done_ns, item.sent_ns, item.time_ns)
            evidence, _ = frames_of_command(self._recording, device, name, item.time_ns, until_ns)
        elif isinstance(item, Frame):
            ((frame, meanings),) = self._described(entry.place, entry.place + 1)
            evidence = Evidence(frame, meanings, None)
        return None if evidence is None else self._evidence(evidence)

    def _evidence(self, evidence: Evidence) -> Record:
        frame, told = evidence.frame, [evidence.about] if evidence.about else evidence.meanings
        fields: Record = {}
        for meaning in told:
            fields |= meaning.fields | meaning.values
        return {
            "time_s": self._seconds(frame.time_ns),
            "direction": frame.direction.name.lower(),
            "bytes": frame.data.hex(" "),
            "meaning": evidence.text,
            "fields": fields,
        }

    # Records ----------------------------------------------------------------------------------

    def _samples(self, first: int, end: int) -> Iterator[Sample]:
        signal = signal_of(self._recording, self._track.name)
        if signal is None:
            return
        before, reason = 0, ""
        for block in self._recording.samples(signal):
            reasons = dict(block.reasons)
            for at in range(len(block.times)) if before + len(block.times) > first else sorted(reasons):
                reason = reasons.get(at, reason)
                if before + at >= end:
                    return
                if before + at >= first:
                    quality = Quality(int(block.qualities[at]))
                    yield Sample(signal.id, int(block.times[at]), float(block.values[at]), quality, reason)
            before += len(block.times)

    def _commands(self) -> Iterator[Command]:
        signals = self._recording.signals
        for command in self._recording.commands():
            if signals[command.signal].path == self._track.name:
                yield command

    def _frames(self, first: int, end: int) -> list[Entry]:
        entries = []
        for place, (frame, meanings) in enumerate(self._described(first, end), first):
            shown = {
                "record": place,
                "time_s": self._seconds(frame.time_ns),
                "direction": frame.direction.name.lower(),
                "bytes": frame.data.hex(" "),
                "meaning": meaning_text(meanings),
            }
            entries.append(Entry(place, frame, shown))
        return entries

    def _described(self, first: int, end: int) -> list[tuple[Frame, list[Any]]]:
        device, lead_in = self._track.name, max(first - _LEAD_IN, 0)
        frames = list(islice(self._recording.frames(device), lead_in, end))
        described = zip(frames, self._recording.describe(device, frames), strict=True)
        return list(described)[first - lead_in :]

    # As JSON ----------------------------------------------------------------------------------

    def _seconds(self, time_ns: int) -> float:
        return (time_ns - self._start) / 1e9

    def _shown(self, item: Sample | Command | Event) -> Record:
        if isinstance(item, Sample):
            return {"value": item.value, "quality": item.quality.word, "reason": item.reason}
        if isinstance(item, Event):
            return {"level": item.level, "source": item.source, "kind": item.kind, "text": item.text}
        moments = {
            "cause_s": item.cause_ns,
            "sent_s": item.sent_ns,
            "done_s": item.done_ns,
            "deadline_s": item.deadline_ns,
        }
        return {
            "value": item.value,
            "requester": item.requester,
            "verdict": item.verdict,
            "outcome": item.outcome,
            "reason": item.reason,
            "priority": item.priority.name.lower(),
            **{name: self._seconds(moment) if moment else None for name, moment in moments.items()},
        }
