"""Which formats there are, and what each of them can hold."""

from __future__ import annotations

import io
from collections.abc import Sequence
from enum import StrEnum
from typing import BinaryIO

from testbed.errors import UsageError
from testbed.session.file import SessionReader

from .csv import write_csv
from .jsonl import write_jsonl
from .mcap import write_mcap
from .parquet import write_parquet
from .perfetto import write_perfetto
from .timeline import Kind, Progress, unheard


class Format(StrEnum):
    """What a session can be exported to."""

    CSV = "csv"
    JSONL = "jsonl"
    MCAP = "mcap"
    PARQUET = "parquet"
    PERFETTO = "perfetto"

    @property
    def suffix(self) -> str:
        """How the names of such files end."""
        return ".pftrace" if self is Format.PERFETTO else f".{self}"

    @property
    def is_text(self) -> bool:
        """Whether people can read it, and so it may go to a terminal."""
        return self in (Format.CSV, Format.JSONL)


def check_kinds(to: Format, kinds: Sequence[Kind]) -> None:
    """Raise UsageError when a format cannot hold just these kinds of records (none given: its usual)."""
    if kinds and to not in (Format.JSONL, Format.PARQUET):
        raise UsageError(f"{to} has no choice of what", "leave --what away, or use jsonl or parquet")
    if len(kinds) > 1 and to is Format.PARQUET:
        raise UsageError("a Parquet file is one table of one kind", "export once for each --what")


def export(
    session: SessionReader,
    file: BinaryIO,
    to: Format,
    kinds: Sequence[Kind] = (),
    progress: Progress = unheard,
) -> None:
    """Write a session in a format, as it reads it; raises MissingPart when its library is not installed.

    MCAP needs a file that can be sought in. For `kinds` see `check_kinds`.
    """
    match to:
        case Format.CSV:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            write_csv(session, text, progress)
            text.detach()
        case Format.JSONL:
            write_jsonl(session, file, kinds or tuple(Kind), progress)
        case Format.MCAP:
            write_mcap(session, file, progress)
        case Format.PARQUET:
            write_parquet(session, file, kinds[0] if kinds else Kind.SAMPLES, progress)
        case Format.PERFETTO:
            write_perfetto(session, file, progress)
