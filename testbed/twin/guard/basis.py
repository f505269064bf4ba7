"""What a command is based on: a sample that is fresh, and that was not acted on before."""

from __future__ import annotations

from testbed.bench import Cause
from testbed.signals import Command, Signal

from .check import Finding


class Basis:
    """The sample that led to a command is young, and newer than the one that led to the last one.

    A command that no sample led to (a person's, a test's) has its deadline instead.
    """

    def __init__(self, freshness_ns: int) -> None:
        self._freshness_ns = freshness_ns
        self._last: dict[tuple[int, str], int] = {}

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        """Return what is wrong with the basis."""
        if not command.cause_ns:
            return None
        if command.cause_ns <= self._last.get((signal.id, command.requester), 0):
            text = f"{signal.path}: {command.requester} acts again on a sample that it has acted on already"
            return Finding(Cause.REPLAYED, text)
        age_ns = now_ns - command.cause_ns
        if age_ns <= self._freshness_ns:
            return None
        text = (
            f"{signal.path}: the sample that it is based on is {age_ns / 1e9:.3g} s old,"
            f" {self._freshness_ns / 1e9:g} s are allowed"
        )
        return Finding(Cause.FRESHNESS, text)

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        """Keep which sample was acted on."""
        if command.cause_ns:
            self._last[signal.id, command.requester] = command.cause_ns
