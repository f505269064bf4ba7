"""Marks of commands on the time axis: so few that a page stays light, and every failure still among them."""

from __future__ import annotations

import numpy as np

from testbed.signals import Command, Outcome

from .curve import BUCKETS, Curve

_SETTLED = (Outcome.ACKNOWLEDGED, Outcome.SUPERSEDED, Outcome.PENDING)


class CommandMarks:
    """Gathers the commands to each signal; times are counted from `origin_ns`."""

    def __init__(self, origin_ns: int, start_ns: int, end_ns: int, buckets: int = BUCKETS) -> None:
        self._origin_ns = origin_ns
        self._span = start_ns, end_ns, buckets
        self._found: dict[str, tuple[list[int], list[float]]] = {}

    def add(self, path: str, command: Command) -> None:
        """Add a command to the signal called `path`."""
        times, failed = self._found.setdefault(path, ([], []))
        times.append(command.time_ns - self._origin_ns)
        failed.append(float(not command.verdict.passes or command.outcome not in _SETTLED))

    def packed(self) -> dict[str, list[list[float]]]:
        """Return [time in s, 1 if it did not go through] of the commands to each signal, thinned out."""
        marks = {}
        for path, (times, failed) in self._found.items():
            curve = Curve(*self._span)
            curve.add(np.array(times, np.int64), np.array(failed))
            thinned = curve.points()
            marks[path] = np.column_stack((thinned[0] / 1e9, thinned[1])).tolist()
        return marks
