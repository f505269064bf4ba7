"""How commands speak: results on stdout, talk on stderr, one JSON object for machines."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from testbed.signals import Event


def print_json(value: Any) -> None:
    """Print one JSON object on one line."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")
    sys.stdout.flush()


def tell(event: Event) -> None:
    """Print an event as one line on stderr (a fault with its trace on more)."""
    from datetime import datetime

    when = datetime.fromtimestamp(event.time_ns / 1e9).astimezone()
    mark = {"info": " ", "warning": "!", "error": "X"}[event.level.value]
    with contextlib.suppress(OSError):  # nobody reads us any more: the run goes on, and the file has it
        sys.stderr.write(f"{when:%H:%M:%S}.{when.microsecond // 1000:03d} {mark} {event.text}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def stdout(encoding: str | None = None) -> Iterator[None]:
    """Print any text in any locale, and let `| head` stop reading without a word from us.

    A closed pipe left to click would end with the exit code of a failed verdict.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding or sys.stdout.encoding, errors="backslashreplace")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # Python flushes once more at exit, to nowhere then
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
