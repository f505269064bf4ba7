"""What a replay takes from a recorded session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from testbed.errors import DamagedInput
from testbed.links import Direction
from testbed.links.played import RawFrame
from testbed.session.file import SessionReader


def span_of(session: SessionReader) -> tuple[int, int]:
    """Return when the recorded run began and when it began to end.

    Of one that crashed, or whose recording stopped (a full disk), the end is the last that was recorded.
    """
    start_ns, end_ns = session.span()
    meta = session.meta()
    stopped_ns = meta.get("stopped_ns", end_ns)
    if "recording_failure" in meta and isinstance(stopped_ns, int):
        stopped_ns = min(stopped_ns, session.last_ns() or start_ns)
    if not isinstance(stopped_ns, int) or not start_ns < stopped_ns <= end_ns:
        raise DamagedInput(f"{session.path}: a recording from {start_ns} to {stopped_ns} cannot be replayed")
    return start_ns, stopped_ns


def raw_frames(session: SessionReader, device: str) -> Iterator[RawFrame]:
    """Yield the frames of one device as a script takes them."""
    return ((frame.time_ns, frame.direction, frame.data) for frame in session.frames(device))


def check_frames(session: SessionReader, devices: Iterable[str]) -> None:
    """Raise DamagedInput when some frames cannot be read: better now than in the middle of a replay."""
    for device in devices:
        for _ in session.frames(device):
            pass


def offered_by(session: SessionReader, device: str, within: int = 1000) -> bytes:
    """Return what a device offered when it was first opened, if its first frames tell."""
    first = islice(session.frames(device), within)
    return next((frame.data for frame in first if frame.direction == Direction.OPEN), b"")
