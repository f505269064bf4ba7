"""Whether a replayed controller heard from its devices what it heard in the recording."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from testbed.session.compare import (
    IGNORE,
    Findings,
    Kind,
    Rules,
    SampleBlock,
    SessionRecording,
    compare,
)
from testbed.session.file import SessionReader
from testbed.signals import Quality, Signal

from .recording import span_of

_WITHIN_NS = 1_000_000_000

Progress = Callable[[int, int], None]


def compare_heard(
    recording: Path,
    replay: Path,
    played_ns: int,
    signals: Collection[str],
    progress: Progress | None = None,
) -> dict[str, Findings]:
    """Compare the good samples of `signals` (paths); returns what was found of each.

    Values must be equal; times may differ by a second, because wires in real time are never twice alike.
    `played_ns` is when the recording began to be played. Samples that are `missing` were left out as on
    a busy machine; those that are `extra` or differ are a divergence (`departs`).
    """
    with SessionReader(recording) as first, SessionReader(replay) as second:
        start_ns, stopped_ns = span_of(first)
        a = _Good(first, start_ns, first.span()[1])
        b = _Good(second, played_ns, played_ns + stopped_ns - start_ns)
        known = {signal.path for signal in (*a.signals, *b.signals)}
        ignored = tuple((path, IGNORE) for path in sorted(known - set(signals)))
        rules = Rules(ignored, within_ns=_WITHIN_NS, kinds=frozenset({Kind.SAMPLES}))
        return compare(a, b, rules, progress).of(Kind.SAMPLES)


def departs(found: Findings) -> bool:
    """Return whether a signal said something that it did not say in the recording."""
    return bool(found.extra or found.b_differing)


class _Good(SessionRecording):
    """The good samples of a session from `start_ns`, from which they count, to `end_ns`.

    Other samples tell how busy the machine was: whatever is heard too late goes stale meanwhile.
    """

    def __init__(self, session: SessionReader, start_ns: int, end_ns: int) -> None:
        super().__init__(session)
        self.span = (start_ns, end_ns)

    def samples(self, signal: Signal) -> Iterator[SampleBlock]:
        """Yield the good samples of a signal."""
        for block in super().samples(signal):
            good = (block.qualities == Quality.GOOD) & (block.times < self.span[1])
            yield SampleBlock(block.times[good], block.values[good], block.qualities[good])
