"""What is wrong with a bench file or a profile, and exactly where."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from testbed.errors import UsageError


@dataclass(frozen=True, order=True)
class Problem:
    """One error at file:line:column (both counted from 1), with a hint on how to mend it."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class BenchFileError(UsageError):
    """All that is wrong, in the order in which it stands in the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint naming the known word closest to `word`, or the known words when none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return ""
    listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"known: {listed}"
