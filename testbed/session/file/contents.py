"""What a session says about itself, and the ways to its rows that make sure that none is missing."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from testbed.signals import Signal

from .checks import check
from .decode import signal_of
from .opening import OpenSession
from .schema import columns
from .totals import KEYS, ROWS, WORDS
from .whole import Follow, Unchecked, check_ids

UNFINISHED = "unfinished"
"""The verdict of a session that is running still, or was killed."""


class Contents(OpenSession):
    """The metadata, attachments and signals of a session."""

    def __init__(self, path: Path) -> None:
        """Open `path`; raises UsageError when there is no such file, DamagedInput when it is no session."""
        super().__init__(path)
        with self._guard():
            self.signals = [signal_of(row) for row in self._query("SELECT * FROM signals ORDER BY id")]
            if [signal.id for signal in self.signals] != list(range(len(self.signals))):
                raise ValueError("its signals are not numbered from 0")
            if self.meta().get("contents", {}).get("signals", len(self.signals)) != len(self.signals):
                raise ValueError("some of its signals are missing")

    def meta(self) -> dict[str, Any]:
        """Return the metadata: what was known at the start and, once the session has ended, its end."""
        with self._guard():
            rows = [check("meta", row) for row in self._query("SELECT * FROM meta ORDER BY id")]
            meta = {key: json.loads(value) for _, key, value, _ in rows}
            if "recovered" not in meta and [row[0] for row in rows] != list(range(1, len(rows) + 1)):
                raise ValueError("some of its metadata are missing")
            if self.version > 1 and "recovered" not in meta and "ended_ns" in meta and "totals" not in meta:
                raise ValueError("some of its last metadata are missing")
            return meta

    def signal(self, path: str) -> Signal:
        """Return the signal called `device.name`; raises KeyError for an unknown one."""
        return {signal.path: signal for signal in self.signals}[path]

    def attachments(self) -> list[str]:
        """Return the names of the attachments."""
        with self._guard():
            rows = (check("attachments", row) for row in self._query("SELECT * FROM attachments"))
            return sorted(name for _, name, *_ in rows)

    def attachment(self, name: str) -> bytes:
        """Return an attachment, checked against its SHA-256; raises KeyError for an unknown name."""
        with self._guard():
            row = self._query("SELECT * FROM attachments WHERE name = ?", name).fetchone()
            if row is not None:
                *_, sha256, _, data = row
                if hashlib.sha256(data).hexdigest() != sha256:
                    raise ValueError(f"attachment {name!r} does not match its SHA-256")
                return bytes(check("attachments", row)[-1])
        raise KeyError(name)

    def verdict(self) -> str:
        """Return the verdict of the run; UNFINISHED while it runs, and for ever when it was killed."""
        return str(self.meta().get("verdict", UNFINISHED))

    def expectations(self) -> list[dict[str, Any]]:
        """Return the expectations with their verdicts; UNFINISHED until the run has judged them."""
        found = self.meta().get("expectations", [])
        with self._guard():
            if not (isinstance(found, list) and all(isinstance(each, (str, dict)) for each in found)):
                raise ValueError("its expectations are neither texts nor objects")
        return [
            {"text": each, "verdict": UNFINISHED, "margin": None, "unit": ""}
            if isinstance(each, str)
            else each
            for each in found
        ]

    def span(self) -> tuple[int, int]:
        """Return (start, end) in ns; a session that was not closed ends with the last it recorded.

        A rolling one starts with what it was to keep.
        """
        meta = self.meta()
        with self._guard():
            start_ns, end_ns = meta.get("started_ns"), meta.get("ended_ns", self.last_ns())
            if not isinstance(start_ns, int) or not isinstance(end_ns, int | None) or start_ns < 0:
                raise ValueError(f"it lasted from {start_ns!r} to {end_ns!r}, which are no times")
            end_ns = max(start_ns, end_ns or 0)
            keep_s = meta.get("window", {}).get("keep_s", math.inf)
            if math.isfinite(keep_s):
                start_ns = max(start_ns, end_ns - round(keep_s * 1e9))
        return start_ns, end_ns

    def last_ns(self) -> int | None:
        """Return when the last thing was recorded, None when nothing was."""
        rows = self._query(
            "SELECT max(t1) FROM chunks UNION ALL SELECT max(t1) FROM frames "
            "UNION ALL SELECT max(t1) FROM cycles UNION ALL SELECT max(time_ns) FROM events"
        )
        return max((time_ns for (time_ns,) in rows if time_ns is not None), default=None)

    def table_rows(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield (table, row) of all rows, as they stand in the file."""
        with self._guard():
            for table in columns():
                for row in self._query(f"SELECT * FROM {table} ORDER BY id"):  # noqa: S608  (ours)
                    yield table, check(table, row)

    def check_whole(self) -> None:
        """Read every row once; raises DamagedInput when one is not as it was written, or is missing.

        For whoever judges a session: what he does not need of it may be what is damaged.
        """
        for _ in self.table_rows():
            pass
        with self._guard():
            meta = self.meta()
            if "recovered" in meta:
                return  # it has gaps, and tells which
            for table in ROWS:
                if (table, "window" in meta) != ("reasons", True):  # there, some of what was before is kept
                    self._check_ids(table)
            for table in KEYS:
                self._check_chunks(table, meta.get("totals", {}).get(table, ()))
            attached = meta.get("contents", {}).get("attachments", {})
            if missing := attached.keys() - set(self.attachments()):
                raise ValueError(f"attachment {min(missing)!r} is missing")

    # Rows -------------------------------------------------------------------------------------

    def _rows(self, table: str, order: str) -> Iterator[tuple[Any, ...]]:
        """Return all rows of a table whose ids have no gap, once it is sure that none is missing."""
        self._check_ids(table)
        return self._query(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608  (both are ours)

    def _check_ids(self, table: str) -> None:
        meta = self.meta()
        if "recovered" in meta:
            return  # it has gaps, and tells which
        ids = "count(*), coalesce(min(id), 1), coalesce(max(id), 0), coalesce(sum(id), 0)"
        count, low, high, total = self._query(f"SELECT {ids} FROM {table}").fetchone()  # noqa: S608
        begin, end = None if "window" in meta else 1, meta.get("totals", {}).get(table)
        check_ids(table, count, low, high, total, begin, end)

    def _check_chunks(self, table: str, told: Iterable[str]) -> None:
        """Make sure that no chunk of a table is missing; `told` are those that it must have chunks of."""
        follow = {name: self._follow(table, int(name) if table == "chunks" else name) for name in told}
        for name, first, n in self._query(f"SELECT {KEYS[table]}, first, n FROM {table} ORDER BY +id"):  # noqa: S608
            if str(name) not in follow:
                follow[str(name)] = self._follow(table, name)
            follow[str(name)].next(first, n)
        for each in follow.values():
            each.end()

    def _follow(self, table: str, key: int | str) -> Follow:
        """Return what makes sure that no chunk of a signal, device or loop is missing."""
        meta = self.meta()
        if "recovered" in meta:
            return Unchecked()
        total = meta["totals"][table].get(str(key), 0) if "totals" in meta else None
        name = self.signals[key].path if isinstance(key, int) else key
        return Follow(f"{WORDS[table]} of {name}", None if "window" in meta else 0, total)
