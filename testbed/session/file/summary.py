"""A session in one JSON object: what `run --json` and `show --json` print."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from testbed.clock import NS
from testbed.control.loop import ACTED_SAFE, OVERRUN

from .digest import digests
from .reader import SessionReader
from .rows import finite

_STEP_NS = 100  # latencies are counted in tenths of a microsecond, so that any number of cycles fits


def summarize(path: Path, *, with_digest: bool = False) -> dict[str, Any]:
    """Return the session's verdict, signals, loops and expectations; numbers that JSON lacks are None.

    `last` is the value that arrived last, in `unit`; `quality` its quality, bad when none arrived.
    `latency_us` is from the arrival of a sample to the acknowledgement of the command that it caused,
    on wires that do not acknowledge to the command written; cycles without a command are left out.
    `recovered` tells what is missing from one that was saved from a damaged file, None for any other.
    `recording_failure` says why recording stopped before the run did; it is there only when it did.
    `with_digest` adds `digest` (see digest.py), for which the whole file is read.
    """
    with SessionReader(path) as session:
        start_ns, end_ns = session.span()
        summary = {
            "session": str(path),
            "verdict": session.verdict(),
            "signals": _signals(session),
            "loops": {loop: _loop(session, loop) for loop in session.loops()},
            "expectations": session.expectations(),
            "bench": session.meta().get("bench"),
            "started": utc_text(start_ns),
            "duration_s": (end_ns - start_ns) / NS,
            "commands": dict(Counter(str(command.outcome) for command in session.commands())),
            "events": dict(Counter(str(event.level) for event in session.events())),
            "frames": session.frame_counts(),
            "recovered": session.meta().get("recovered"),
        }
        if failure := session.meta().get("recording_failure"):
            summary["recording_failure"] = failure
        if with_digest:
            summary["digest"] = digests(session)
    plain: dict[str, Any] = finite(summary)
    return plain


def _signals(session: SessionReader) -> dict[str, Any]:
    newest = session.newest()
    signals = {}
    for signal in session.signals:
        last = newest.get(signal.id)
        signals[signal.path] = {
            "count": last.total if last else 0,
            "last": last.sample.value if last else None,
            "unit": signal.unit,
            "quality": last.sample.quality.word if last else "bad",
        }
    return signals


def _loop(session: SessionReader, loop: str) -> dict[str, Any]:
    lateness: Counter[int] = Counter()
    latency: Counter[int] = Counter()
    cycles = overruns = 0
    for cycle in session.cycles(loop):
        if cycle.flags & ACTED_SAFE:
            continue  # no sample came: there was nothing to be on time for
        cycles += 1
        overruns += cycle.flags & OVERRUN
        lateness[cycle.lateness_ns // _STEP_NS] += 1
        done_ns = cycle.acknowledged_ns if cycle.acknowledged_ns >= 0 else cycle.latency_ns
        if done_ns >= 0:
            latency[done_ns // _STEP_NS] += 1
    return {
        "cycles": cycles,
        "overruns": overruns,
        "lateness_us": _percentiles(lateness),
        "latency_us": _percentiles(latency),
    }


def _percentiles(counts: Counter[int]) -> dict[str, float | None]:
    """Return the nearest-rank percentiles in microseconds."""
    return {f"p{share}": _percentile(counts, share) for share in (50, 99)}


def _percentile(counts: Counter[int], share: int) -> float | None:
    rank = -(-counts.total() * share // 100)
    for step in sorted(counts):
        rank -= counts[step]
        if rank <= 0:
            return step * _STEP_NS / 1000
    return None


def utc_text(time_ns: int) -> str:
    """Return a time in ns as people and JSON have it: 2026-11-23T04:05:06Z."""
    return datetime.fromtimestamp(time_ns // NS, UTC).isoformat().replace("+00:00", "Z")
