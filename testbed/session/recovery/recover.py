"""`testbed recover`: from a damaged file to a session that can be read, and a list of what is missing."""

from __future__ import annotations

import contextlib
import mmap
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from testbed.errors import DamagedInput, UsageError
from testbed.session.file.disk import sync
from testbed.session.file.schema import APPLICATION_ID, PAGE_SIZE, VERSION, statements

from .complaints import complaints, header_of, in_use_by
from .pages import Pages, read_log
from .report import Recovery, report
from .salvage import Progress, drop_repeated, gather

_PARTIAL = ".partial"


def recover(file: Path, saved: Path, told: Progress = lambda done, of: None) -> Recovery:
    """Save what is whole of the session `file` into a new session `saved`; `file` itself is left alone.

    Raises UsageError when `file` is not there or still in use, or `saved` is there or cannot be made;
    DamagedInput, and makes nothing, when there is nothing of a session in it.
    """
    _refuse(file, saved)
    partial = saved.with_name(saved.name + _PARTIAL)
    try:
        partial.unlink(missing_ok=True)  # of a recovery that was killed
        with _new_session(partial) as database:
            recovery = _recover(file, saved, database, told)
        partial.rename(saved)
        sync(saved.parent)
    except (OSError, sqlite3.OperationalError) as error:
        raise UsageError(f"cannot write {saved}: {error}", "give another file with -o") from error
    finally:
        partial.unlink(missing_ok=True)
    return recovery


def _refuse(file: Path, saved: Path) -> None:
    if not file.is_file():
        raise UsageError(f"there is no file {file}", "list sessions with: testbed sessions")
    if saved.exists():
        raise UsageError(f"{saved} exists already, and nothing is ever overwritten", "give another with -o")
    if pid := in_use_by(file):
        raise UsageError(f"{file} is in use by process {pid}: it may be recorded still", "end that first")
    header = header_of(file)
    if header.application == APPLICATION_ID and header.version not in (0, VERSION):
        raise DamagedInput(
            f"{file}: format {header.version} cannot be recovered: rows that are whole are known by their "
            f"checksums, which only format {VERSION} has",
            "try sqlite3's own .recover",
        )


@contextlib.contextmanager
def _new_session(path: Path) -> Iterator[sqlite3.Connection]:
    """Make an empty session; it is whole on disk when the block has ended, and worth nothing before."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        for statement in statements():
            database.execute(statement)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {VERSION}")
        yield database
        database.execute("COMMIT")
    sync(path)


def _recover(file: Path, saved: Path, database: sqlite3.Connection, told: Progress) -> Recovery:
    log = read_log(file.with_name(f"{file.name}-wal"))
    with _content(file) as main:
        gather(database, Pages(main, log.committed), (), told)
        if log.behind:
            gather(database, Pages(main, {**log.committed, **log.behind}), log.behind, told)
    drop_repeated(database)
    if not database.execute("SELECT count(*) FROM meta").fetchone()[0] and not any(
        database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  (ours)
        for table in ("chunks", "frames", "commands", "events", "attachments")
    ):
        raise DamagedInput(f"{file}: nothing of a session was found in it")
    damage = [*complaints(file), *([log.damage] if log.damage else [])]
    return report(file, saved, database, damage)


@contextlib.contextmanager
def _content(file: Path) -> Iterator[bytes | mmap.mmap]:
    """Give the bytes of a file, without reading them all into memory."""
    with file.open("rb") as opened:
        if not file.stat().st_size:
            yield b""
            return
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped
