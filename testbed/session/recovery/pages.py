"""The pages of a database file as they lie on disk, with those of its write-ahead log in their place.

Source: SQLite database file format, https://www.sqlite.org/fileformat2.html, sections 1.3 (header),
1.5 (freelist) and 4 (write-ahead log). Nothing here trusts what it reads.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from testbed.session.file.schema import PAGE_SIZE

_WAL_HEADER = struct.Struct(">8I")  # magic, version, page size, sequence, salts, checksums
_FRAME_HEADER = struct.Struct(">6I")  # page, pages after a commit or 0, salts, checksums
_WAL_MAGIC = 0x377F0682  # the last bit: whether its checksums take the words as big-endian
_TRUNK_LEAVES = PAGE_SIZE // 4 - 2


class Pages:
    """The pages of one state of a database; page numbers begin with 1."""

    def __init__(self, main: bytes | mmap.mmap, newer: Mapping[int, bytes]) -> None:
        self._main = main
        self._newer = newer
        self.count = max([len(main) // PAGE_SIZE + bool(len(main) % PAGE_SIZE), *newer])

    def page(self, number: int) -> bytes:
        """Return a page; what is not there, or was cut off, is zeros."""
        found = self._newer.get(number)
        if found is None and number > 0:
            found = self._main[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        return (found or b"").ljust(PAGE_SIZE, b"\0")

    def free(self) -> set[int]:
        """Return the pages of the freelist, as far as it can be followed: what stands there was deleted."""
        found: set[int] = set()
        (trunk,) = struct.unpack_from(">I", self.page(1), 32)
        while 0 < trunk <= self.count and trunk not in found:
            found.add(trunk)
            trunk, leaves = self._trunk(trunk)
            found.update(leaf for leaf in leaves if 0 < leaf <= self.count)
        return found

    def _trunk(self, number: int) -> tuple[int, tuple[int, ...]]:
        following, many, *leaves = struct.unpack(f">{PAGE_SIZE // 4}I", self.page(number))
        return (following, tuple(leaves[:many])) if many <= _TRUNK_LEAVES else (0, ())


@dataclass
class Log:
    """What a write-ahead log adds: pages that were committed, and those that stand behind its damage."""

    committed: dict[int, bytes] = field(default_factory=dict)
    behind: dict[int, bytes] = field(default_factory=dict)
    damage: str = ""


def read_log(path: Path) -> Log:
    """Read a write-ahead log; one that is not there adds nothing.

    As SQLite does, up to the last commit before the first frame whose checksum is wrong. Frames of an
    older use of the file, which have other salts, end it without being damage.
    """
    content = path.read_bytes() if path.is_file() else b""
    if len(content) < _WAL_HEADER.size + _FRAME_HEADER.size:
        return Log()
    log = Log()
    magic, _, size, _, *salts, first, second = _WAL_HEADER.unpack_from(content)
    order = ">" if magic & 1 else "<"
    sums = _checksum(content[: _WAL_HEADER.size - 8], (0, 0), order)
    header_is_whole = (magic & ~1, size, sums) == (_WAL_MAGIC, PAGE_SIZE, (first, second))
    if not header_is_whole:
        log.damage = f"{path.name}: its header is damaged"
    pending: dict[int, bytes] = {}
    for frame, (number, pages, *frame_salts, first, second) in _frames(content):
        if not header_is_whole and not log.behind:
            salts = frame_salts
        if frame_salts != salts:
            break
        data = content[frame + _FRAME_HEADER.size : frame + _FRAME_HEADER.size + PAGE_SIZE]
        sums = _checksum(data, _checksum(content[frame : frame + 8], sums, order), order)
        if not log.damage and sums != (first, second):
            log.damage = f"{path.name}: damaged at byte {frame}"
        if log.damage:
            log.behind[number] = data
            continue
        pending[number] = data
        if pages:
            log.committed.update(pending)
            pending.clear()
    return log


def _frames(content: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    step = _FRAME_HEADER.size + PAGE_SIZE
    for at in range(_WAL_HEADER.size, len(content) - _FRAME_HEADER.size, step):
        yield at, _FRAME_HEADER.unpack_from(content, at)


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    """Return SQLite's running checksum over `data` (section 4.2)."""
    s0, s1 = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data[: len(data) // 4 * 4])
    for even, odd in zip(words[::2], words[1::2], strict=False):
        s0 = (s0 + even + s1) & 0xFFFFFFFF
        s1 = (s1 + odd + s0) & 0xFFFFFFFF
    return s0, s1
