"""An initial RAM disk: a cpio archive of "newc" format (Linux, early-userspace/buffer-format)."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path

_FOLDER, _PROGRAM = 0o040755, 0o100755


def write_archive(path: Path, folders: Iterable[str], files: Mapping[str, bytes]) -> None:
    """Write `files` (name to contents), all executable, and empty `folders`, gzipped."""
    entries = [(name, _FOLDER, b"") for name in folders] + [
        (name, _PROGRAM, data) for name, data in files.items()
    ]
    body = b"".join(
        _entry(number, *entry) for number, entry in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1)
    )
    path.write_bytes(gzip.compress(body, 1))


def _entry(inode: int, name: str, mode: int, data: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    links, device, rest = 1, 0, 0
    fields = (inode, mode, 0, 0, links, 0, len(data), device, device, device, device, len(encoded), rest)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(head + encoded) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
