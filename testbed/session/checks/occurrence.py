"""Checks of what happens rather than of values: events in an order, no event, the timing of a loop."""

from __future__ import annotations

import math
from collections.abc import Sequence

from testbed.session.results import ExpectationVerdict
from testbed.signals import Command, Event, Outcome

from .check import PASSED, UNDECIDED, Check


class Happens(Check):
    """Within `within_ns` events of these kinds come in this order; others may come between."""

    def __init__(self, text: str, kinds: Sequence[str], source: str | None, within_ns: int) -> None:
        super().__init__(text)
        self._kinds, self._source, self._within_ns = kinds, source, within_ns
        self._seen: list[str] = []

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._within_ns

    def event(self, event: Event) -> None:
        """Take an event."""
        if self.verdict is not None or not self.since_ns <= event.time_ns <= self.due_ns:
            return
        if self._source in (None, event.source) and event.kind == self._kinds[len(self._seen)]:
            self._seen.append(f"{event.kind} {self.when(event.time_ns)}")
            if len(self._seen) == len(self._kinds):
                self.margin = (self.due_ns - event.time_ns) / 1e9
                self.unit = "s"
                self.pass_(event.time_ns, ", ".join(self._seen))

    def expire(self) -> None:
        """Something is missing."""
        missing = self._kinds[len(self._seen)]
        came = f" after {', '.join(self._seen)}" if self._seen else ""
        self.fail(self.due_ns, f"no {missing}{came}")


class HappensNot(Check):
    """For `during_ns` (None: the end of the run) no event of these kinds comes."""

    def __init__(self, text: str, kinds: Sequence[str], source: str | None, during_ns: int | None) -> None:
        super().__init__(text)
        self._kinds, self._source = kinds, source
        self._during_ns = math.inf if during_ns is None else during_ns

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._during_ns

    def event(self, event: Event) -> None:
        """Take an event."""
        if (
            self.since_ns <= event.time_ns <= self.due_ns
            and event.kind in self._kinds
            and self._source in (None, event.source)
        ):
            self.fail(event.time_ns, f"{event.kind} {self.when(event.time_ns)}: {event.text}")

    def expire(self) -> None:
        """None came."""
        self.pass_(math.inf)

    def closing(self, end_ns: int) -> tuple[ExpectationVerdict, str]:
        """None came to the end of the run, if it was to be judged until then."""
        if math.isfinite(self.due_ns):
            return UNDECIDED, "the run ended before its time was over"
        return PASSED, ""


class KeepsBudget(Check):
    """For `during_ns` (None: the end of the run) a share of a loop's commands acts within `most_ns`.

    Counted from the arrival of the sample to the acknowledgement of the command that it caused; on a wire
    that does not acknowledge, to the command written. Whatever was not taken at all is too late.
    """

    def __init__(self, text: str, loop: str, share: float, most_ns: float, during_ns: int | None) -> None:
        super().__init__(text, unit="ms")
        self._requester = f"loop {loop}"
        self._share, self._most_ns = share, most_ns
        self._during_ns = math.inf if during_ns is None else during_ns
        self._latencies: list[float] = []
        self.high = most_ns / 1e6

    def started(self) -> None:
        """Be decided when the time is over."""
        self.due_ns = self.since_ns + self._during_ns

    def command(self, command: Command) -> None:
        """Take a command of the loop."""
        if command.requester != self._requester or not self.since_ns <= command.time_ns <= self.due_ns:
            return
        if command.outcome is Outcome.ACKNOWLEDGED:
            self._latencies.append(command.done_ns - command.cause_ns)
        elif command.outcome is Outcome.SUPERSEDED and command.sent_ns:
            self._latencies.append(command.sent_ns - command.cause_ns)
        else:
            self._latencies.append(math.inf)

    def expire(self) -> None:
        """Decide over all of them."""
        verdict, detail = self._judge()
        self._settle(verdict, self.due_ns, detail)

    def closing(self, end_ns: int) -> tuple[ExpectationVerdict, str]:
        """Decide at the end of the run, if it was to be judged until then."""
        if math.isfinite(self.due_ns):
            return UNDECIDED, "the run ended before its time was over"
        return self._judge()

    def _judge(self) -> tuple[ExpectationVerdict, str]:
        if not self._latencies:
            return ExpectationVerdict.BLOCKED, f"{self._requester} gave no command"
        ordered = sorted(self._latencies)
        rank = max(math.ceil(self._share * len(ordered)), 1)
        found = ordered[rank - 1]
        self.margin = (self._most_ns - found) / 1e6
        told = f"{found / 1e6:.4g} ms, of {len(ordered)} cycles; the slowest {ordered[-1] / 1e6:.4g} ms"
        return (PASSED if found <= self._most_ns else ExpectationVerdict.FAILED), told
