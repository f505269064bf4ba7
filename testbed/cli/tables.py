"""The look of tables for people: no boxes, numbers to the right, colour only for what matters."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 140  # columns when stdout is no terminal
_STYLES = {
    "passed": "green",
    "good": "green",
    "same": "green",
    "failed": "red",
    "bad": "red",
    "damaged": "red",
    "diverged": "red",
    "error": "red",
    "blocked": "yellow",
    "unfinished": "yellow",
    "uncertain": "yellow",
    "warning": "yellow",
}


class _Console(Console):
    """A console that leaves a closed pipe to the command."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def make_console() -> Console:
    """Return the console for stdout."""
    console = _Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def make_table(*headings: str) -> Table:
    """Return an empty table; a heading that begins with > stands over numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left")
    return table


def as_text(text: object) -> Text:
    """Return text as it is: what a device said must not be taken for markup."""
    return Text(str(text))


def as_word(word: str) -> Text:
    """Return a verdict, quality or level in its colour."""
    return Text(word, style=_STYLES.get(word, ""))


def as_number(value: object) -> str:
    """Return a number in six digits, - for none."""
    return f"{value:.6g}" if isinstance(value, (int, float)) else "-"


def as_duration(microseconds: float | None) -> str:
    """Return microseconds with a tenth, - for none."""
    return "-" if microseconds is None else f"{microseconds:,.1f}"
