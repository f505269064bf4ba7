"""What is compared with what: one track a device's frames, a signal's samples, its commands, the events."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from testbed.signals import Command, Event, Quality, Signal

from .columns import Columns, Times
from .recording import Recording, SampleBlock
from .rules import Kind, Rules, Tolerance

_BATCH = 1 << 14
_NAN, _PLUS, _MINUS = 4, 8, 12  # kinds of values with which one cannot reckon; beside the quality, 0 to 2
_REASONS_FROM = 4

OF_THE_MACHINE = "skipped"
"""The kind of events that tell how busy the controller's machine was; only compared strictly."""


@dataclass(frozen=True)
class Track:
    """Records that stand in one row, found by the same name in both sessions.

    `rank`: of what differs at one time in several tracks, the one of the lowest rank is the cause.
    """

    kind: Kind
    name: str
    rank: int
    tolerance: Tolerance
    columns: Callable[[Recording], Iterator[Columns]]


class Tracks:
    """The tracks of two recordings by some rules; commands are read once for all signals."""

    def __init__(self, a: Recording, b: Recording, rules: Rules) -> None:
        self.a, self.b = a, b
        self.rules = rules
        self._reasons: dict[str, int] = {"": 0}
        self._commands: dict[int, dict[str, Columns]] = {}

    def all(self) -> list[Track]:
        """Return all tracks that either recording has; signals that are ignored have none."""
        a, b, rules, tracks = self.a, self.b, self.rules, []
        signals = {signal.path: signal for signal in a.signals}
        for signal in b.signals:
            signals.setdefault(signal.path, signal)
        tolerances = {path: rules.tolerance(signal) for path, signal in signals.items()}
        if Kind.FRAMES in rules.compared:
            for device in sorted({*a.devices, *b.devices}):
                tracks.append(Track(Kind.FRAMES, device, 0, Tolerance(), self._frames(device)))
        for path, tolerance in tolerances.items():
            if tolerance is not None and Kind.SAMPLES in rules.compared:
                # What was commanded is published as a sample: the command is its cause.
                rank = 3 if signals[path].writable else 1
                tracks.append(Track(Kind.SAMPLES, path, rank, tolerance, self._samples(path)))
        for path, tolerance in tolerances.items():
            if tolerance is not None and Kind.COMMANDS in rules.compared:
                tracks.append(Track(Kind.COMMANDS, path, 2, tolerance, self._commands_of(path)))
        if Kind.EVENTS in rules.compared:
            tracks.append(Track(Kind.EVENTS, "events", 4, Tolerance(), self._events))
        return tracks

    def start(self, recording: Recording) -> int:
        """Return the time of a recording that is 0 in the comparison, UTC in ns."""
        return self.a.span[0] if self.rules.absolute else recording.span[0]

    def span(self, recording: Recording) -> tuple[int, int]:
        """Return when a recording begins and ends in the comparison."""
        start = self.start(recording)
        return recording.span[0] - start, recording.span[1] - start

    # Samples ----------------------------------------------------------------------------------

    def _samples(self, path: str) -> Callable[[Recording], Iterator[Columns]]:
        def columns(recording: Recording) -> Iterator[Columns]:
            signal = signal_of(recording, path)
            if signal is None:
                return
            reason = 0
            for block in recording.samples(signal):
                times = block.times - self.start(recording)
                if self.rules.strict:
                    kinds, reason = self._with_reasons(block, reason)
                    yield Columns(times, block.values, kinds)
                else:
                    yield _reckonable(times, block)

        return columns

    def _with_reasons(self, block: SampleBlock, reason: int) -> tuple[Times, int]:
        """Return a kind for each quality and reason, and the reason that holds at the end."""
        kinds = block.qualities.astype(np.int64)
        since = 0
        for at, text in (*block.reasons, (len(kinds), None)):
            kinds[since:at] += reason * _REASONS_FROM
            since = at
            if text is not None:
                reason = self._reasons.setdefault(text, len(self._reasons))
        return kinds, reason

    # Frames -----------------------------------------------------------------------------------

    def _frames(self, device: str) -> Callable[[Recording], Iterator[Columns]]:
        mask = self.rules.mask

        def columns(recording: Recording) -> Iterator[Columns]:
            start = self.start(recording)
            times, kinds = array("q"), array("q")
            for time_ns, _, direction, data in recording.frames(device):
                compared = data if mask is None else mask(device, direction, data)
                times.append(time_ns - start)
                # 64 bits of the hash that Python keys its dictionaries with, secret in each process.
                kinds.append(hash((direction, compared)))
                if len(times) >= _BATCH:
                    yield _plain(times, kinds)
                    times, kinds = array("q"), array("q")
            yield _plain(times, kinds)

        return columns

    # Commands and events ----------------------------------------------------------------------

    def _commands_of(self, path: str) -> Callable[[Recording], Iterator[Columns]]:
        def columns(recording: Recording) -> Iterator[Columns]:
            if id(recording) not in self._commands:
                self._commands[id(recording)] = self._read_commands(recording)
            found = self._commands[id(recording)].get(path)
            if found is not None:
                yield found

        return columns

    def _read_commands(self, recording: Recording) -> dict[str, Columns]:
        start = self.start(recording)
        kind = self._whole_command if self.rules.strict else _short_command
        rows: dict[int, tuple[array[int], array[float], array[int]]] = defaultdict(
            lambda: (array("q"), array("d"), array("q"))
        )
        for command in recording.commands():
            times, values, kinds = rows[command.signal]
            times.append(command.time_ns - start)
            reckonable = self.rules.strict or math.isfinite(command.value)
            values.append(command.value if reckonable else 0.0)
            kinds.append(kind(command, start))
        return {
            recording.signals[signal].path: Columns(
                np.frombuffer(times, np.int64), np.frombuffer(values), np.frombuffer(kinds, np.int64)
            )
            for signal, (times, values, kinds) in rows.items()
        }

    @staticmethod
    def _whole_command(command: Command, start: int) -> int:
        moments = (command.deadline_ns, command.cause_ns, command.sent_ns, command.done_ns)
        return hash(
            (
                command.requester, command.priority, command.verdict, command.outcome, command.reason,
                *(moment and moment - start for moment in moments),
            )
        )  # fmt: skip

    def _events(self, recording: Recording) -> Iterator[Columns]:
        start, found = self.start(recording), list(self.events(recording))
        yield Columns.of(
            (event.time_ns - start for event in found),
            (0.0 for _ in found),
            (hash((event.level, event.source, event.kind)) for event in found),
        )

    def events(self, recording: Recording) -> Iterator[Event]:
        """Yield the events that are compared."""
        for event in recording.events():
            if self.rules.strict or event.kind != OF_THE_MACHINE:
                yield event


def signal_of(recording: Recording, path: str) -> Signal | None:
    """Return a recording's signal by its path, None when it has none."""
    return next((signal for signal in recording.signals if signal.path == path), None)


def _short_command(command: Command, start: int) -> int:
    odd = None if math.isfinite(command.value) else str(command.value)
    return hash((command.requester, command.verdict, command.outcome, odd))


def _plain(times: array[int], kinds: array[int]) -> Columns:
    found = np.frombuffer(times, np.int64)
    return Columns(found, np.zeros(len(found)), np.frombuffer(kinds, np.int64))


def _reckonable(times: Times, block: SampleBlock) -> Columns:
    """Return samples with finite values: bad ones are told by quality, NaN and infinities by their kind."""
    values, kinds = block.values, block.qualities.astype(np.int64)
    odd = ~np.isfinite(values)
    bad = kinds == Quality.BAD
    if odd.any() or bad.any():
        kinds[odd & ~bad] += np.select([np.isnan(values), values > 0], [_NAN, _PLUS], _MINUS)[odd & ~bad]
        values = np.where(odd | bad, 0.0, values)
    return Columns(times, values, kinds)
