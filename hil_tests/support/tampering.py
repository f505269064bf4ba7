"""Changes one byte of a recorded request."""

from __future__ import annotations

import shutil
import sqlite3
from array import array
from contextlib import closing
from pathlib import Path

from testbed.links import Direction
from testbed.session.file.checks import seal


def change_request(
    session: Path, copy: Path, device: str, number: int, at: int, bits: int, *, sealed: bool = True
) -> bytes:
    """Copy a session with byte `at` of a device's request `number` changed; returns the changed request.

    The row is sealed again as if it had been recorded so; without `sealed` it is damaged.
    """
    shutil.copy(session, copy)
    with closing(sqlite3.connect(copy)) as database:
        cursor = database.execute("SELECT * FROM frames WHERE device = ? ORDER BY id", (device,))
        names = [column[0] for column in cursor.description]
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            lengths = array("I", row["lengths"])
            sent = [place for place, each in enumerate(row["directions"]) if each == Direction.TX]
            if number >= len(sent):
                number -= len(sent)
                continue
            place = sent[number]
            start = sum(lengths[:place])
            data = bytearray(row["data"])
            data[start + at] ^= bits
            row["data"] = bytes(data)
            whole = seal("frames", *(row[name] for name in names if name != "crc"))
            crc = whole[names.index("crc")] if sealed else row["crc"]
            database.execute(
                "UPDATE frames SET data = ?, crc = ? WHERE id = ?", (row["data"], crc, row["id"])
            )
            database.commit()
            return bytes(data[start : start + lengths[place]])
    raise AssertionError(f"{session} has no request {number} to {device}")
