"""Sessions as tables for people."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from testbed.session.file import Entry, utc_text
from testbed.signals import Event

from .tables import as_duration, as_number, as_text, as_word, make_console, make_table

_LAST_EVENTS = 10


def print_entries(entries: Sequence[Entry]) -> None:
    """Print the list of sessions."""
    table = make_table("session", "started", ">duration", "verdict", ">size")
    for entry in entries:
        started = utc_text(entry.started_ns) if entry.started_ns else ""
        size = f"{entry.size / 1e6:.1f} MB"
        table.add_row(
            as_text(entry.path.stem), started, f"{entry.duration_s:.1f} s", as_word(entry.verdict), size
        )
    make_console().print(table)


def print_summary(summary: dict[str, Any], events: Iterable[Event]) -> None:
    """Print a summary (see `summarize`) and the last of its events."""
    console = make_console()
    console.print(Text.assemble(summary["session"], "  ", as_word(summary["verdict"])))
    console.print(Text(f"started {summary['started']}, {summary['duration_s']:.1f} s"), style="dim")
    if summary["recovered"]:
        told = f"recovered from {summary['recovered']['file']}, with gaps: --json tells which"
        console.print(Text(told), style="yellow")
    if failure := summary.get("recording_failure"):
        console.print(Text(failure), style="yellow")
    console.print(_signals(summary["signals"]))
    if summary["loops"]:
        console.print(_loops(summary["loops"]))
    if summary["expectations"]:
        console.print(_expectations(summary["expectations"]))
    last = deque(events, maxlen=_LAST_EVENTS)
    if last:
        console.print(_events(last))


def _signals(signals: dict[str, Any]) -> Table:
    table = make_table("signal", ">last", "unit", "quality", ">samples")
    for path, signal in signals.items():
        last = as_number(signal["last"])
        table.add_row(
            as_text(path), last, as_text(signal["unit"]), as_word(signal["quality"]), str(signal["count"])
        )
    return table


def _loops(loops: dict[str, Any]) -> Table:
    table = make_table(
        "loop", ">cycles", ">overruns", ">late p50 us", ">p99 us", ">sample to actuation p50 us", ">p99 us"
    )
    for name, loop in loops.items():
        times = (loop[key][share] for key in ("lateness_us", "latency_us") for share in ("p50", "p99"))
        table.add_row(as_text(name), str(loop["cycles"]), str(loop["overruns"]), *map(as_duration, times))
    return table


def _expectations(expectations: list[dict[str, Any]]) -> Table:
    table = make_table("expectation", "verdict", ">margin", "unit", "")
    for each in expectations:
        text, verdict, unit, detail = (
            str(each.get(key) or "") for key in ("text", "verdict", "unit", "detail")
        )
        margin = as_number(each.get("margin"))
        table.add_row(as_text(text), as_word(verdict), margin, as_text(unit), as_text(detail))
    return table


def _events(events: Iterable[Event]) -> Table:
    table = make_table("time", "level", "source", "event", "")
    for event in events:
        words = (as_text(word) for word in (event.source, event.kind, event.text))
        table.add_row(utc_text(event.time_ns), as_word(event.level), *words)
    return table
