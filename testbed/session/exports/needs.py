"""Says what to install when the library of a format is not there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from testbed.errors import MissingPart


@contextlib.contextmanager
def needed(what: str) -> Iterator[None]:
    """Import within this block; raises MissingPart naming the extra when a library is not installed."""
    try:
        yield
    except ImportError as error:
        lack = error.name or error
        raise MissingPart(
            f"{what} needs {lack}, which is not installed", "pip install 'hil-testbed[export]'"
        ) from error
