"""Whether a replay came out as its recording: what was asked, what was heard, what was commanded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from testbed.session.compare import (
    Comparison,
    Kind,
    Rules,
    SampleBlock,
    SessionRecording,
    compare,
)
from testbed.session.file import Frame, SessionReader
from testbed.signals import Command, Signal

from .recording import span_of
from .script_parting import Say, ScriptParting, sayer
from .virtual import Replay

SAME = "same"
DIVERGED = "diverged"

_WITHIN_NS = 500_000_000
"""How far times may differ from those that a real machine recorded: what it did late is not late again."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Judgement:
    """What a replay in virtual time came to beside its recording."""

    replay: Replay
    comparison: Comparison
    say: Say

    @property
    def verdict(self) -> str:
        """SAME or DIVERGED."""
        return DIVERGED if self.replay.partings or self.comparison.first else SAME

    @property
    def first_parting(self) -> ScriptParting | None:
        """What a driver asked otherwise, if that came before every other difference.

        Of what differs at one time the bytes that were sent come last: a sample or a command led to them.
        """
        if not self.replay.partings:
            return None
        parting, first = self.replay.partings[0], self.comparison.first
        parted_ns = parting.divergence.time_ns - self.replay.start_ns
        return parting if first is None or parted_ns < first.time_ns else None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        told = self.comparison.as_dict()
        start_ns = self.replay.start_ns
        parting = self.first_parting
        first = told["first"] if parting is None else parting.as_dict(start_ns, self.say)
        partings = [each.as_dict(start_ns, self.say) for each in self.replay.partings]
        return {**told, "verdict": self.verdict, "first": first, "divergences": partings}


def judge_replay(
    recording: SessionReader,
    replayed: SessionReader,
    replay: Replay,
    rules: Rules | None = None,
    progress: Progress | None = None,
) -> Judgement:
    """Compare a replay with its recording, from their start to when the recorded run began to end.

    By default strictly for a recording of virtual time. Of one from a real machine every value and
    command must be equal, and its time within half a second. Raises DamagedInput for a damaged session.
    """
    start_ns, stopped_ns = span_of(recording)
    a, b = (_Until(session, start_ns, stopped_ns) for session in (recording, replayed))
    if rules is None:
        exact = recording.meta().get("mode", "real") != "real"
        kinds = frozenset({Kind.SAMPLES, Kind.COMMANDS, *([Kind.FRAMES] if exact else [])})
        rules = Rules(within_ns=0 if exact else _WITHIN_NS, kinds=kinds)
    return Judgement(replay, compare(a, b, rules, progress), sayer(recording))


class _Until(SessionRecording):
    """A session until its run began to end: how it is brought to safety depends on the machine."""

    def __init__(self, session: SessionReader, start_ns: int, stopped_ns: int) -> None:
        super().__init__(session)
        self.span = (start_ns, stopped_ns)

    def samples(self, signal: Signal) -> Iterator[SampleBlock]:
        """Yield the samples of a signal."""
        for block in super().samples(signal):
            before = block.times < self.span[1]
            if before.all():
                yield block
                continue
            count = int(before.sum())
            reasons = [reason for reason in block.reasons if reason[0] < count]
            yield SampleBlock(block.times[before], block.values[before], block.qualities[before], reasons)

    def commands(self) -> Iterator[Command]:
        """Yield the commands."""
        return (command for command in super().commands() if command.time_ns < self.span[1])

    def frames(self, device: str) -> Iterator[Frame]:
        """Yield the frames of a device."""
        return (frame for frame in super().frames(device) if frame.time_ns < self.span[1])
