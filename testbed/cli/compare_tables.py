"""A comparison as people read it: what was compared, how far each signal differs, where the two part."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from testbed.session.compare import Comparison, Difference, Findings, Kind, Recording
from testbed.session.file import utc_text

from .tables import as_number, as_text, as_word, make_console, make_table

_BYTES_SHOWN = 48
_NOT_SHOWN = ("record", "time_s", "value")


def print_comparison(comparison: Comparison, verdict: str = "") -> None:
    """Print a comparison on stdout; ends with the verdict, which may be that of more than the comparison."""
    console = make_console()
    for letter, recording in (("a", comparison.a), ("b", comparison.b)):
        console.print(_session(letter, recording))
    console.print(_scope(comparison), style="dim")
    print_findings(comparison)
    if comparison.first is not None:
        _print_difference(console, comparison.first)
    console.print(Text.assemble("\n", as_word(verdict or comparison.verdict), *_hint(comparison)))


def print_findings(comparison: Comparison) -> None:
    """Print how far each device and signal differs."""
    console = make_console()
    for kind in Kind:
        if comparison.of(kind):
            equal = comparison.rules.strict and all(found.same for found in comparison.of(kind).values())
            console.print(_all_equal(comparison, kind) if equal else _findings(comparison, kind))


def _session(letter: str, recording: Recording) -> Text:
    start_ns, end_ns = recording.span
    return Text(f"{letter}  {recording.name}  {utc_text(start_ns)}, {(end_ns - start_ns) / 1e9:.1f} s")


def _scope(comparison: Comparison) -> Text:
    rules = comparison.rules
    if rules.strict:
        how = "strictly, every record with its time"
    else:
        how = f"records within {rules.within_ns / 1e6:g} ms of each other"
    kinds = ", ".join(rules.compared)
    return Text(f"compared: {kinds}; {how}\nnot compared: {', '.join(comparison.left_out)}")


def _hint(comparison: Comparison) -> tuple[str, ...]:
    first, rules = comparison.first, comparison.rules
    if first is None or rules.within_ns:
        return ()
    if first.differs == ["time_s"]:
        return (": they part in a time only; to let times differ: --within 50ms",)
    if rules.tolerances and first.differs in (["missing"], ["extra"]):
        return (": without --within, only records of the very same time are compared",)
    return ()


# How far they differ ----------------------------------------------------------------------------------


def _findings(comparison: Comparison, kind: Kind) -> Table:
    head = {Kind.FRAMES: "frames of", Kind.SAMPLES: "samples of", Kind.COMMANDS: "commands to"}
    counts = (">a", ">b", ">missing", ">extra", ">differing", ">max shift ms")
    errors = (">max error", ">at s", ">rms", "unit") if kind.has_values else ()
    table = make_table(head.get(kind, ""), *counts, *errors, "")
    signals = comparison.signals
    for name, found in comparison.of(kind).items():
        row: list[str | Text] = [
            as_text(name),
            *map(str, (found.a, found.b, found.missing, found.extra, found.differing)),
        ]
        row.append(f"{found.max_shift_ns / 1e6:.3f}")
        if kind.has_values:
            row += [*_errors(found), as_text(signals[name].unit)]
        table.add_row(*row, as_word("same" if found.same else "differs"))
    return table


def _all_equal(comparison: Comparison, kind: Kind) -> Text:
    found = comparison.of(kind)
    count = sum(each.a for each in found.values())
    of = {Kind.FRAMES: f" of {len(found)} devices", Kind.SAMPLES: f" of {len(found)} signals"}
    return Text.assemble(f"{count} {kind}{of.get(kind, '')}: ", as_word("same"))


def _errors(found: Findings) -> list[str]:
    at = "-" if found.max_error_ns is None else f"{found.max_error_ns / 1e9:.3f}"
    return [as_number(found.max_error), at, as_number(found.rms)]


# Where they part --------------------------------------------------------------------------------------


def _print_difference(console: Console, first: Difference) -> None:
    what = (
        f"{first.kind.one} {first.place} of {first.name}"
        if first.name != "events"
        else f"event {first.place}"
    )
    console.print(
        Text.assemble(
            ("\nfirst difference", "bold"), f" at {first.time_ns / 1e9:+.9f} s: {what}: {_named(first)}"
        )
    )
    console.print(_line("expected", first.expected))
    console.print(_line("came", first.came))
    console.print(_around(first))
    if first.a_frame or first.b_frame:
        console.print(_bytes(first))


def _named(first: Difference) -> str:
    if first.came is None:
        return "it is missing"
    if first.expected is None:
        return "it was not expected"
    return ", ".join(key.removesuffix("_s") for key in first.differs) + " differs"


def _line(word: str, record: dict[str, Any] | None) -> Text:
    return Text(f"  {word:<9} {'nothing' if record is None else _told(record)}")


def _told(record: dict[str, Any]) -> str:
    """Return a record as one line."""
    parts = [f"{record['time_s']:+.9f} s"]
    if "bytes" in record:
        return " ".join([*parts, record["direction"], _shortened(record["bytes"]), "", record["meaning"]])
    if "value" in record:
        parts.append(f"{record['value']!r}")
    parts += [
        _word(key, value) for key, value in record.items() if key not in (*_NOT_SHOWN, "value") and value
    ]
    return " ".join(parts)


def _word(key: str, value: object) -> str:
    return f"{key[:-2]} {value:+.9f}" if key.endswith("_s") else str(value)


def _shortened(text: str) -> str:
    return text if len(text) <= _BYTES_SHOWN else text[:_BYTES_SHOWN].rpartition(" ")[0] + " ..."


def _around(first: Difference) -> Table:
    table = make_table(">", "a", "b")
    left, right = ({record["record"]: record for record in records} for records in (first.a, first.b))
    shift = _shift(first)
    for place in sorted({*left, *(place - shift for place in right)}):
        a, b = left.get(place), right.get(place + shift)
        here = place == (first.place if first.expected is not None else first.place - shift)
        cells = [Text(_brief(record), style="bold" if here else "") for record in (a, b)]
        table.add_row(">" if here else "", *cells)
    return table


def _shift(first: Difference) -> int:
    """Return how much further a record stands in b than the one beside it in a."""
    return (first.b[0]["record"] if first.b else 0) - (first.a[0]["record"] if first.a else 0)


def _brief(record: dict[str, Any] | None) -> str:
    if record is None:
        return ""
    time = f"{record['time_s']:+.6f}"
    if "meaning" in record:
        return f"{time} {record['direction']} {record['meaning']}"
    if "text" in record:
        return f"{time} {record['source']} {record['kind']}"
    words = [record.get("requester") or record.get("quality"), record.get("outcome"), record["reason"]]
    return " ".join([time, f"{record['value']:.12g}", *(word for word in words if word and word != "good")])


def _bytes(first: Difference) -> Table:
    table = make_table("bytes", "a", "b")
    frames = first.a_frame, first.b_frame
    for key in ("time_s", "direction", "bytes", "meaning"):
        cells = [_cell(key, frame) for frame in frames]
        table.add_row(key.removesuffix("_s"), *(Text(cell, overflow="fold") for cell in cells))
    for row in first.fields:
        style = "" if row["same"] else "bold red"
        table.add_row(
            Text(row["field"], style=style), *(Text(_value(row[side]), style=style) for side in "ab")
        )
    return table


def _cell(key: str, frame: dict[str, Any] | None) -> str:
    if frame is None:
        return ""
    return f"{frame[key]:+.9f} s" if key == "time_s" else str(frame[key])


def _value(value: object) -> str:
    return "-" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)
