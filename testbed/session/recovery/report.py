"""Completes what was saved to a session that can be read, and says what is missing from it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from testbed.session.file.checks import seal
from testbed.session.file.rows import signal_row, to_json
from testbed.session.file.totals import KEYS, ROWS, WORDS
from testbed.signals import Signal

from .gaps import Kept, Limits, chunk_gaps, row_gaps

_RESOLVED = "bench/resolved.json"


@dataclass
class Recovery:
    """What came of a recovery: the new session at `saved`, and what is wrong with the old one."""

    file: Path
    saved: Path
    damage: list[str]
    """What is wrong with the file as a whole."""
    lost: list[str] = field(default_factory=list)
    """Single things that are missing: metadata, attachments, signals."""
    kept: dict[str, Kept] = field(default_factory=dict)
    """What there is of "samples of probe.temperature", "frames of fan", "commands", ..., and its gaps."""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong and nothing is missing."""
        return not (self.damage or self.lost or any(kept.gaps for kept in self.kept.values()))

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values; times are in ns, null where nothing tells them."""
        return {
            "file": str(self.file),
            "saved": str(self.saved),
            "whole": self.whole,
            "damage": self.damage,
            "lost": self.lost,
            "kept": {name: kept.count for name, kept in self.kept.items()},
            "missing": {
                name: [asdict(gap) for gap in kept.gaps] for name, kept in self.kept.items() if kept.gaps
            },
        }


def report(file: Path, saved: Path, database: sqlite3.Connection, damage: list[str]) -> Recovery:
    """Complete the rows in `database` to a session, and tell what is missing."""
    recovery = Recovery(file, saved, damage)
    meta = {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM meta")}
    recovery.lost += [*_lost_metadata(database, meta), *_lost_attachments(database, meta)]
    recovery.lost += _restore_signals(database, meta)
    _count(recovery, database, meta)
    if not recovery.whole:
        _mark(database, meta, recovery)
    return recovery


def _lost_metadata(database: sqlite3.Connection, meta: Mapping[str, Any]) -> Iterator[str]:
    if "recovered" in meta:
        yield f"what was missing when it was recovered from {meta['recovered'].get('file')}"
        return
    (last,) = database.execute("SELECT coalesce(max(id), 0) FROM meta").fetchone()
    if missing := last - len(meta):
        yield f"{missing} of its metadata"
    if "started_ns" not in meta or "contents" not in meta:
        yield "its first metadata: bench, devices, seed"
    if "totals" not in meta:
        yield (
            "its end: no verdict, and what it recorded last is not known (the run was killed or goes on "
            "still, or its last metadata are damaged)"
        )


def _lost_attachments(database: sqlite3.Connection, meta: Mapping[str, Any]) -> Iterator[str]:
    found = {name for (name,) in database.execute("SELECT name FROM attachments")}
    for name in meta.get("contents", {}).get("attachments", ()):
        if name not in found:
            yield f"attachment {name}"


def _restore_signals(database: sqlite3.Connection, meta: Mapping[str, Any]) -> Iterator[str]:
    """Put in signals whose rows are lost, from the resolved bench or else without their names."""
    found = {number for (number,) in database.execute("SELECT id FROM signals")}
    used = {number for (number,) in database.execute("SELECT signal FROM chunks")}
    known = _resolved_signals(database)
    told = map(int, meta.get("totals", {}).get("chunks", ()))
    count = max([meta.get("contents", {}).get("signals", 0) - 1, *found, *used, *known, *told]) + 1
    for number in range(count):
        if number in found:
            continue
        signal = known.get(number) or Signal(number, "lost", f"signal_{number}")
        row = seal("signals", *signal_row(signal))
        database.execute(f"INSERT INTO signals VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
        restored = "restored from the resolved bench" if number in known else "its samples have no name"
        yield f"signal {number} ({signal.path}): {restored}"


def _resolved_signals(database: sqlite3.Connection) -> dict[int, Signal]:
    row = database.execute("SELECT data FROM attachments WHERE name = ?", (_RESOLVED,)).fetchone()
    if row is None:
        return {}
    try:
        signals = msgspec.convert(json.loads(row[0])["signals"], list[Signal])
    except (ValueError, KeyError, TypeError):  # an attachment of that name that is no bench
        return {}
    return {signal.id: signal for signal in signals}


def _count(recovery: Recovery, database: sqlite3.Connection, meta: Mapping[str, Any]) -> None:
    limits = Limits.of(meta)
    paths = {str(number): f"{device}.{name}" for number, device, name in database.execute(
        "SELECT id, device, name FROM signals"
    )}  # fmt: skip
    for table in KEYS:
        for name, kept in chunk_gaps(database, table, limits).items():
            recovery.kept[f"{WORDS[table]} of {paths[name] if table == 'chunks' else name}"] = kept
    for table in ROWS:
        if table != "reasons" or limits.from_first:  # a rolling recording keeps some of the older ones
            recovery.kept[table] = row_gaps(database, table, limits)


def _mark(database: sqlite3.Connection, meta: Mapping[str, Any], recovery: Recovery) -> None:
    """Say in the new session that it has gaps, and which; readers then do not take them for damage."""
    database.execute("DELETE FROM meta WHERE key = 'totals'")
    facts: dict[str, Any] = {"recovered": {**recovery.as_dict(), "before": meta.get("recovered")}}
    if "started_ns" not in meta:
        facts["started_ns"] = _earliest(database)
    (last,) = database.execute("SELECT coalesce(max(id), 0) FROM meta").fetchone()
    for number, (key, value) in enumerate(facts.items(), last + 1):
        row = seal("meta", number, key, to_json(value))
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?, ?)", row)


def _earliest(database: sqlite3.Connection) -> int:
    (found,) = database.execute(
        "SELECT min(t) FROM (SELECT min(t0) AS t FROM chunks UNION ALL SELECT min(t0) FROM frames "
        "UNION ALL SELECT min(t0) FROM cycles UNION ALL SELECT min(time_ns) FROM events)"
    ).fetchone()
    return int(found or 0)
