"""Sessions as tables for people."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from testbed.session.file import Entry, utc_text
from testbed.signals import Event

_LAST_EVENTS = 10
_PIPE_WIDTH = 140  # columns when stdout is no terminal
_STYLES = {
    "passed": "green",
    "good": "green",
    "failed": "red",
    "bad": "red",
    "damaged": "red",
    "error": "red",
    "blocked": "yellow",
    "unfinished": "yellow",
    "uncertain": "yellow",
    "warning": "yellow",
}


def print_entries(entries: Sequence[Entry]) -> None:
    """Print the list of sessions."""
    table = _table("session", "started", ">duration", "verdict", ">size")
    for entry in entries:
        started = utc_text(entry.started_ns) if entry.started_ns else ""
        size = f"{entry.size / 1e6:.1f} MB"
        table.add_row(
            _text(entry.path.stem), started, f"{entry.duration_s:.1f} s", _word(entry.verdict), size
        )
    _console().print(table)


def print_summary(summary: dict[str, Any], events: Iterable[Event]) -> None:
    """Print a summary (see `summarize`) and the last of its events."""
    console = _console()
    console.print(Text.assemble(summary["session"], "  ", _word(summary["verdict"])))
    console.print(Text(f"started {summary['started']}, {summary['duration_s']:.1f} s"), style="dim")
    console.print(_signals(summary["signals"]))
    if summary["loops"]:
        console.print(_loops(summary["loops"]))
    if summary["expectations"]:
        console.print(_expectations(summary["expectations"]))
    last = deque(events, maxlen=_LAST_EVENTS)
    if last:
        console.print(_events(last))


def _signals(signals: dict[str, Any]) -> Table:
    table = _table("signal", ">last", "unit", "quality", ">samples")
    for path, signal in signals.items():
        last = _number(signal["last"])
        table.add_row(
            _text(path), last, _text(signal["unit"]), _word(signal["quality"]), str(signal["count"])
        )
    return table


def _loops(loops: dict[str, Any]) -> Table:
    table = _table(
        "loop", ">cycles", ">overruns", ">late p50 us", ">p99 us", ">sample to actuation p50 us", ">p99 us"
    )
    for name, loop in loops.items():
        times = (loop[key][share] for key in ("lateness_us", "latency_us") for share in ("p50", "p99"))
        table.add_row(_text(name), str(loop["cycles"]), str(loop["overruns"]), *map(_duration, times))
    return table


def _expectations(expectations: list[dict[str, Any]]) -> Table:
    table = _table("expectation", "verdict", ">margin", "unit")
    for each in expectations:
        text, verdict, unit = (str(each.get(key) or "") for key in ("text", "verdict", "unit"))
        table.add_row(_text(text), _word(verdict), _number(each.get("margin")), _text(unit))
    return table


def _events(events: Iterable[Event]) -> Table:
    table = _table("time", "level", "source", "event", "")
    for event in events:
        words = (_text(word) for word in (event.source, event.kind, event.text))
        table.add_row(utc_text(event.time_ns), _word(event.level), *words)
    return table


class _Console(Console):
    """A console that leaves a closed pipe to the command."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console() -> Console:
    console = _Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def _table(*headings: str) -> Table:
    """Return an empty table; a heading that begins with > stands over numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left")
    return table


def _text(text: object) -> Text:
    """Return text as it is: what a device said must not be taken for markup."""
    return Text(str(text))


def _word(word: str) -> Text:
    return Text(word, style=_STYLES.get(word, ""))


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, (int, float)) else "-"


def _duration(microseconds: float | None) -> str:
    return "-" if microseconds is None else f"{microseconds:,.1f}"
