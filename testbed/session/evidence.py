"""The bytes behind a sample or a command: which frame brought it, wrote it, acknowledged it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from testbed.links import Direction
from testbed.protocols.meaning import Meaning

from .file import Frame

_LEAD_IN = 128  # frames before those in question, so that an answer is known by what it answers
_MOST = 4096  # frames that are looked at after a command
_SLACK_NS = 1_000_000  # between a link's stamp and its driver's, on a busy machine


class FrameSource(Protocol):
    """What has frames and can say what they mean."""

    def frames(self, device: str) -> Iterator[Frame]:
        """Yield the frames of a device, as they passed."""

    def describe(self, device: str, frames: Iterable[Frame]) -> list[list[Meaning]]:
        """Return what consecutive frames of a device say."""


@dataclass(frozen=True)
class Evidence:
    """A frame, what it says, and the part of that which is about the matter in hand."""

    frame: Frame
    meanings: list[Meaning]
    about: Meaning | None

    @property
    def text(self) -> str:
        """What it says about the matter, else all that it says."""
        return self.about.text if self.about else "; ".join(meaning.text for meaning in self.meanings)


def frame_of_sample(source: FrameSource, device: str, name: str, time_ns: int) -> Evidence | None:
    """Return the frame that brought a sample, None when no frame came before it."""
    before: deque[Frame] = deque(maxlen=_LEAD_IN)
    for frame in source.frames(device):
        if frame.time_ns > time_ns:
            break
        before.append(frame)
    found = _evidence(source, device, before, Direction.RX, name)
    return _first([each for each in reversed(found) if each.about]) or _first(found[::-1])


def frames_of_command(
    source: FrameSource, device: str, name: str, since_ns: int, until_ns: int
) -> tuple[Evidence | None, Evidence | None]:
    """Return the frame that wrote a command given at `since_ns`, and that which settled it at `until_ns`."""
    frames = _between(source.frames(device), since_ns, until_ns + _SLACK_NS)
    sent = _evidence(source, device, frames, Direction.TX, name)
    sent = [each for each in sent if each.frame.time_ns >= since_ns]
    written = _first([each for each in sent if each.about]) or _first(sent)
    if written is None:
        return None, None
    came = [
        each
        for each in _evidence(source, device, frames, Direction.RX, "")
        if written.frame.time_ns <= each.frame.time_ns <= until_ns
    ]
    return written, _answer(written, came)


def _answer(written: Evidence, came: list[Evidence]) -> Evidence | None:
    """Return the last frame that answers what was written; on wires where only order tells, the last one."""
    question = written.about
    if question is None or not question.answers(question):
        return _first(came[::-1])
    for each in reversed(came):
        for meaning in each.meanings:
            if meaning.answers(question):
                return Evidence(each.frame, each.meanings, meaning)
    return None


def _first(found: list[Evidence]) -> Evidence | None:
    return found[0] if found else None


def _between(frames: Iterable[Frame], since_ns: int, until_ns: int) -> list[Frame]:
    """Return the frames of a time, with some before it."""
    before: deque[Frame] = deque(maxlen=_LEAD_IN)
    found: list[Frame] = []
    for frame in frames:
        if frame.time_ns < since_ns:
            before.append(frame)
        elif frame.time_ns > until_ns or len(found) >= _MOST:
            break
        else:
            found.append(frame)
    return [*before, *found]


def _evidence(
    source: FrameSource, device: str, frames: Iterable[Frame], direction: Direction, name: str
) -> list[Evidence]:
    kept = list(frames)
    return [
        Evidence(frame, meanings, next((each for each in meanings if name in each.values), None))
        for frame, meanings in zip(kept, source.describe(device, kept), strict=True)
        if frame.direction is direction
    ]
