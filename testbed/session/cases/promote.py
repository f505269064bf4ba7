"""Makes a case of a session: trimmed to what matters, and packed."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from testbed.bench import nearest
from testbed.bench.units import seconds
from testbed.clock import NS
from testbed.errors import UsageError
from testbed.session.exports import Progress, timeline
from testbed.session.exports.timeline import unheard
from testbed.session.file import SessionReader
from testbed.session.imports import read_iso
from testbed.session.rewriting import Rewriter, new_session

FOREVER_NS = (1 << 63) - 1
"""The latest time that a session can hold."""

_BY_THE_STORE = ("contents", "totals")  # of the metadata: what the file itself keeps count of
_AT_THE_END = ("ended_ns", "verdict", "expectations")


def trim(
    session: SessionReader, path: Path, name: str, begin_ns: int, end_ns: int, progress: Progress = unheard
) -> None:
    """Write what a session recorded from `begin_ns` to `end_ns` into a session of its own at `path`.

    Signals, attachments and metadata stay; `promoted` in the metadata says where it comes from. Raises
    UsageError when nothing was recorded in that time.
    """
    start_ns, stop_ns = session.span()
    if not begin_ns < end_ns or begin_ns >= stop_ns or end_ns <= start_ns:
        raise UsageError(
            f"{session.path} holds nothing from {_told(begin_ns)} to {_told(end_ns)}",
            f"it lasts from {_told(start_ns)} to {_told(stop_ns)}",
        )
    metadata = _metadata(session, name, max(start_ns, begin_ns), min(stop_ns, end_ns))
    at_end = {key: metadata.pop(key) for key in _AT_THE_END if key in metadata}
    with new_session(path) as store:
        store.create(
            session.signals, metadata, {name: session.attachment(name) for name in session.attachments()}
        )
        rewriter = Rewriter(session.signals, store)
        for loop in session.loops():
            rewriter.loop(loop)
        for pair in session.clock_pairs():
            if begin_ns <= pair[0] <= end_ns:
                rewriter.clock_pair(*pair)
        rewriter.timing(session.ticks(), session.holdups(), session.overtaken())
        for record in timeline(session, progress=progress):
            if begin_ns <= record.time_ns <= end_ns:
                rewriter.add(record)
        rewriter.commit()
        store.finish(at_end)


def pack(session: Path, path: Path) -> None:
    """Compress a session into `path`; the same session gives the same bytes."""
    with (
        session.open("rb") as file,
        path.open("wb") as target,
        gzip.GzipFile("", "wb", fileobj=target, mtime=0) as packed,  # neither name nor time of packing
    ):
        shutil.copyfileobj(file, packed)


def read_time(text: str, start_ns: int) -> int:
    """Return a time in ns: `12.5s` and `+2 min` count from `start_ns`, others are ISO 8601.

    Raises UsageError for what is none.
    """
    try:
        return start_ns + round(seconds(text.removeprefix("+").strip()) * NS)
    except (ValueError, OverflowError):
        pass
    try:
        return read_iso(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no time", "write for example 12.5s (from the start) or 2026-11-23T14:03:07Z"
        ) from None


def check_tolerances(session: SessionReader, tolerances: Sequence[str]) -> dict[str, str]:
    """Return SIGNAL=TOLERANCE texts as a mapping; raises UsageError for one that fits no signal."""
    known = [signal.path for signal in session.signals]
    found = {}
    for text in tolerances:
        signal, equals, tolerance = (part.strip() for part in text.partition("="))
        if not (equals and signal and tolerance):
            raise UsageError(f"{text!r} is no tolerance", 'write for example probe.temperature="0.5 K"')
        if signal not in known and "*" not in signal:
            raise UsageError(f"{session.path} has no signal {signal!r}", nearest(signal, known))
        found[signal] = tolerance
    return found


def _metadata(session: SessionReader, name: str, begin_ns: int, end_ns: int) -> dict[str, object]:
    metadata = {key: value for key, value in session.meta().items() if key not in _BY_THE_STORE}
    with session.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    metadata["promoted"] = {"name": name, "session": session.path.name, "sha256": digest}
    metadata["started_ns"], metadata["ended_ns"] = begin_ns, end_ns
    if isinstance(stopped_ns := metadata.get("stopped_ns"), int):
        metadata["stopped_ns"] = min(stopped_ns, end_ns)
    return metadata


def _told(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / NS).astimezone().isoformat(timespec="milliseconds")
