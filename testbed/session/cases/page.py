"""Outcomes as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from .outcome import Outcome

_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Replayed sessions</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; vertical-align: top; }
th { border-bottom: 1px solid; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { margin: 0; white-space: pre-wrap; font-size: 13px; }
.same { color: light-dark(#1a7f37, #4ac26b); }
.diverged, .damaged, .broken { color: light-dark(#cf222e, #ff7b72); font-weight: 600; }
summary { cursor: pointer; }
</style>
"""


def write_page(outcomes: Sequence[Outcome], file: Path) -> None:
    """Write a table of all outcomes; those that are not the same show where they part first."""
    file.write_text("\n".join(_page(outcomes)) + "\n", encoding="utf-8")


def _page(outcomes: Sequence[Outcome]) -> Iterator[str]:
    same = sum(outcome.same for outcome in outcomes)
    yield _HEAD
    yield f"<h1>Replayed sessions</h1><p>{same} of {len(outcomes)} are as they were recorded.</p>"
    yield '<table><tr><th>case</th><th>verdict</th><th class="number">seconds</th><th></th></tr>'
    for outcome in outcomes:
        yield "".join(_row(outcome))
    yield "</table></html>"


def _row(outcome: Outcome) -> Iterator[str]:
    verdict = outcome.verdict.value
    yield f'<tr><td>{escape(outcome.name)}</td><td class="{verdict}">{verdict}</td>'
    yield f'<td class="number">{outcome.seconds:.1f}</td><td>'
    if outcome.text:
        yield f"<pre>{escape(outcome.text)}</pre>"
    signals = outcome.told.get("signals")
    if not outcome.same and isinstance(signals, dict) and signals:
        yield "<details><summary>signals</summary>" + "".join(_signals(signals)) + "</details>"
    yield "</td></tr>"


def _signals(signals: dict[str, Any]) -> Iterator[str]:
    """Yield a table of what the replay told of each signal."""
    heads = list(dict.fromkeys(key for told in signals.values() if isinstance(told, dict) for key in told))
    yield "<table><tr><th>signal</th>"
    yield from (f'<th class="number">{escape(head)}</th>' for head in heads)
    yield "</tr>"
    for path, told in signals.items():
        values = [told.get(head) if isinstance(told, dict) else None for head in heads]
        cells = "".join(f'<td class="number">{escape(_number(value))}</td>' for value in values)
        yield f"<tr><td>{escape(path)}</td>{cells}</tr>"
    yield "</table>"


def _number(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
