"""Reads several curves of a session at once, in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from .history import Curve, History


async def read_curves(
    path: Path,
    signals: Mapping[str, int],
    from_ns: int | None,
    to_ns: int | None,
    points: int,
    *,
    around: bool = False,
) -> dict[str, Curve]:
    """Return the curves of `signals` (path to number) between two times, None: the session's own.

    `around` adds the sample before and the one after.
    """

    def read() -> dict[str, Curve]:
        with History(path) as history:
            start_ns, end_ns = history.span()
            start_ns = start_ns if from_ns is None else from_ns
            end_ns = end_ns if to_ns is None else to_ns
            found = {
                name: history.curve(number, start_ns, end_ns, points) for name, number in signals.items()
            }
            if not around:
                return found
            return {
                name: history.around(signals[name], curve, start_ns, end_ns) for name, curve in found.items()
            }

    return await asyncio.to_thread(read)
