"""Sessions in a folder: finding one by its name, listing them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.bench.problems import nearest
from testbed.clock import NS
from testbed.errors import TestbedError, UsageError

from .reader import SessionReader
from .schema import SUFFIX
from .summary import utc_text

DEFAULT_FOLDER = Path("sessions")
DAMAGED = "damaged"
LATEST = "latest"


@dataclass(frozen=True)
class Entry:
    """One session of a folder; a damaged one has no start and says in `problem` what is wrong."""

    path: Path
    verdict: str
    started_ns: int = 0
    duration_s: float = 0.0
    problem: str = ""

    @property
    def size(self) -> int:
        """Bytes on disk, with the log that stands beside the file while it is written."""
        log = self.path.with_name(self.path.name + "-wal")
        return sum(file.stat().st_size for file in (self.path, log) if file.exists())

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "session": str(self.path),
            "verdict": self.verdict,
            "started": utc_text(self.started_ns) if self.started_ns else None,
            "duration_s": self.duration_s,
            "bytes": self.size,
            "problem": self.problem or None,
        }


def list_sessions(folder: Path) -> list[Entry]:
    """Return the sessions in a folder, the one that started last first; raises UsageError for no folder."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "record a session with: testbed run bench.yaml")
    found = [_entry(path) for path in _files(folder)]
    return sorted(found, key=lambda entry: (-entry.started_ns, entry.path.name))


def find_session(name: str, folder: Path = DEFAULT_FOLDER) -> Path:
    """Return a session's file: a path, the name of one in `folder` (with or without SUFFIX), or LATEST.

    Raises UsageError naming the nearest name there is.
    """
    for path in (Path(name), folder / name, folder / f"{name}{SUFFIX}"):
        if path.is_file():
            return path
    if name == LATEST:
        whole = [entry for entry in list_sessions(folder) if entry.verdict != DAMAGED]
        if not whole:
            raise UsageError(f"there is no session in {folder}", "record one with: testbed run bench.yaml")
        return whole[0].path
    if Path(name).exists():
        return Path(name)  # a folder or a device: reading it says so
    known = [path.stem for path in _files(folder)]
    raise UsageError(
        f"there is no session {name!r}, neither as a path nor in {folder}",
        nearest(name, known) or "list them with: testbed sessions",
    )


def _files(folder: Path) -> Iterator[Path]:
    return folder.glob(f"*{SUFFIX}")


def _entry(path: Path) -> Entry:
    try:
        with SessionReader(path) as session:
            start_ns, end_ns = session.span()
            return Entry(path, session.verdict(), start_ns, (end_ns - start_ns) / NS)
    except TestbedError as error:
        return Entry(path, DAMAGED, problem=str(error))
