"""Writes a report: as one HTML file that needs no network to be opened, or as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.clock import NS
from testbed.session.file import SessionReader
from testbed.session.file.rows import finite
from testbed.session.page import fill, write
from testbed.session.results import Judgement

from .charts import Drawing
from .entry import Entry
from .facts import facts
from .report import Report, entry_dict

Progress = Callable[[int, int], None]

_POINTS = 240_000  # of all curves together: about 4 MB
_FEWEST, _MOST = 100, 1000  # stretches of time of one curve, of two points each


def write_html(report: Report, file: Path, progress: Progress | None = None) -> None:
    """Write the page; raises UsageError when the file cannot be written, DamagedInput for a session."""
    write(html(report, progress), file, "-o", make_folder=True)


def write_json(report: Report, file: Path) -> None:
    """Write the report without its curves as one JSON object; raises UsageError when that cannot be."""
    write(
        json.dumps(report.as_dict(), allow_nan=False, ensure_ascii=False, indent=1) + "\n",
        file,
        "-o",
        make_folder=True,
    )


def html(report: Report, progress: Progress | None = None) -> str:
    """Return the page."""
    buckets = _buckets(report)
    tests = []
    for done, entry in enumerate(report.entries):
        if progress is not None:
            progress(done, len(report.entries))
        tests.append({**entry_dict(entry), "run": None if entry.session is None else _run(entry, buckets)})
    return fill(__package__, finite({**report.as_dict(), "tests": tests}))


def _buckets(report: Report) -> int:
    curves = 0
    for entry in report.entries:
        if entry.session is not None:
            with SessionReader(entry.session) as session:
                curves += len(session.signals) + 2 * len(session.loops())
    return max(_FEWEST, min(_MOST, _POINTS // (2 * max(curves, 1))))


def _run(entry: Entry, buckets: int) -> dict[str, Any]:
    """Return what is drawn and told of a session."""
    assert entry.session is not None  # noqa: S101  (asked by html)
    with SessionReader(entry.session) as session:
        drawing = Drawing(session, buckets)
        start_ns, _ = session.span()
        return {
            **facts(session),
            "charts": [*drawing.signals(entry.judgements), *drawing.loops],
            "places": [_place(judgement, session, start_ns) for judgement in entry.judgements],
        }


def _place(judgement: Judgement, session: SessionReader, start_ns: int) -> dict[str, Any]:
    """Return where an expectation belongs on the time axis, and the command that shows the bytes there."""

    def since_start(time_ns: int | None) -> float | None:
        return None if time_ns is None else (time_ns - start_ns) / NS

    at = since_start(judgement.at_ns)
    why = None
    if at is not None and judgement.signal:
        why = shlex.join(["testbed", "why", str(session.path), f"{judgement.signal}@+{max(at, 0):.9f}s"])
    return {
        "since": since_start(judgement.since_ns),
        "until": since_start(judgement.until_ns),
        "at": at,
        "why": why,
    }
