"""The disk under a session: the file made on it, made safe on it, and what it says when it takes no more."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from testbed.errors import UsageError
from testbed.signals import Signal

from .store import Store


def create_store(
    path: Path,
    signals: Sequence[Signal],
    metadata: Mapping[str, Any],
    attachments: Mapping[str, bytes],
    redact: Callable[[str], str],
) -> Store:
    """Make the file and everything that is known at the start; leaves nothing behind when it cannot."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("xb").close()
    except OSError as error:
        if path.exists():
            message = f"{path} exists already, and no recording is ever overwritten"
            raise UsageError(message, "give another name") from None
        raise UsageError(f"cannot record to {path}: {error.strerror}", "choose another folder") from error
    store = Store(path, redact)
    try:
        store.create(signals, metadata, attachments)
        sync(path.parent)
    except (sqlite3.Error, OSError) as error:
        store.close()
        for ending in ("", "-journal", "-wal", "-shm"):
            Path(f"{path}{ending}").unlink(missing_ok=True)
        raise UsageError(f"cannot record to {path}: {error}", "choose another folder") from error
    return store


def why_stopped(path: Path, error: Exception) -> str:
    """Return what people are told when recording to `path` stopped for an error."""
    cause = "the disk is full" if _is_full(error) else f"{type(error).__name__}: {error}"
    return f"recording to {path} stopped: {cause}; all that was recorded before is kept"


def _is_full(error: Exception) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def sync(path: Path) -> None:
    """Make sure that a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
