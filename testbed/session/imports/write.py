"""Writes what a recording holds into a session file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from testbed import __version__
from testbed.errors import DamagedInput
from testbed.session.exports import Kind
from testbed.session.rewriting import Rewriter, new_session

from .source import Source

VERDICT = "imported"
"""What stands in place of a verdict: nobody ran anything."""

_TOLD_EVERY = 10_000  # records


@dataclass
class Imported:
    """What came in; times are UTC in ns."""

    session: str
    signals: int
    start_ns: int
    end_ns: int
    left_out: list[str]
    samples: int
    frames: int
    commands: int
    events: int
    cycles: int
    twin_states: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def write_session(
    source: Source, file: Path, session: Path, progress: Callable[[int], None] = lambda count: None
) -> Imported:
    """Make a session at `session` of a recording read from `file`; returns what came in.

    The session gets its name only once it is whole. `progress` is called now and then with how many
    records have been read. Raises UsageError when the session exists or cannot be made, DamagedInput
    when the recording cannot be read or holds nothing.
    """
    with new_session(session) as store:
        store.create(source.signals, _metadata(source, file), source.attachments)
        rewriter = Rewriter(source.signals, store)
        for record in source.records():
            rewriter.add(record)
            if rewriter.total % _TOLD_EVERY == 0:
                progress(rewriter.total)
        if not rewriter.total:
            raise DamagedInput(f"{file}: holds no record that could be imported", *source.left_out[:1])
        rewriter.commit()
        start_ns, end_ns = rewriter.span()
        store.finish({"started_ns": start_ns, "ended_ns": end_ns, "verdict": VERDICT})
    counts = {kind.replace("-", "_"): rewriter.counts[kind] for kind in Kind}
    left_out = list(source.left_out)
    return Imported(str(session), len(source.signals), start_ns, end_ns, left_out, **counts)


def _metadata(source: Source, file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    read = {"file": file.name, "form": source.form, "sha256": digest, "bytes": file.stat().st_size}
    return {
        "started_ns": 0,  # written again once it is known
        "mode": "import",
        "bench": source.origin.get("bench", file.stem),
        "source": read,
        "origin": source.origin,
        "left_out": list(source.left_out),
        "testbed": __version__,
    }
