"""Runs a test again and again until what is asked of it is known well enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import pytest
from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from testbed.session.results import Measurement
    from testbed.session.statistics import Decision, MeanGoal, PassGoal

NUMBER = pytest.StashKey[int]()
"""Which run of a repeated test this is, from 0; each has a seed of its own."""

MEASURED = pytest.StashKey[list["Measurement"]]()
"""What the last run of a test measured."""

Run = list[pytest.TestReport]


class Goal(Protocol):
    """What is to be known of a test."""

    missed: str
    """What is told of a test of which it did not come to be known."""

    def decide(self, run: Run, item: pytest.Item) -> Decision:
        """Take a run that passed or failed, and return whether that is enough."""

    def told(self) -> str:
        """Return what is known so far."""


class Passing:
    """Whether a test passes often enough."""

    missed = "not shown to pass often enough"

    def __init__(self, goal: PassGoal) -> None:
        self._goal = goal
        self._passed = self._runs = 0

    def decide(self, run: Run, item: pytest.Item) -> Decision:
        """Count a run."""
        self._passed += all(report.passed for report in run)
        self._runs += 1
        return self._goal.decide(self._passed, self._runs)

    def told(self) -> str:
        """Return the rate, with the interval in which the probability to pass is."""
        from testbed.session.statistics import pass_interval

        low, high = pass_interval(self._passed, self._runs, self._goal.confidence)
        return f"{self._passed} of {self._runs} runs passed (probability {low:.3g} to {high:.3g})"


class Averaging:
    """What the mean of a measurement is; a run that fails ends it, and the test fails."""

    def __init__(self, name: str, goal: MeanGoal, unit: str) -> None:
        self._name, self._goal, self._unit = name, goal, unit
        self._values: list[float] = []
        self._wrong = ""
        self.missed = f"the mean of {name} is not known well enough"

    def decide(self, run: Run, item: pytest.Item) -> Decision:
        """Take the measurement of a run."""
        from testbed.bench.units import convert
        from testbed.session.statistics import Decision

        if not all(report.passed for report in run):
            self._wrong = "a run failed"
            return Decision.MISSED
        found = [each for each in item.stash.get(MEASURED, []) if each.name == self._name]
        try:
            self._values += [convert(f"{each.value!r} {each.unit}", self._unit) for each in found]
        except ValueError as error:
            self._wrong = str(error)
            return Decision.MISSED
        if not found:
            self._wrong = f'a run did not measure it: measure("{self._name}", VALUE, "{self._unit}")'
            return Decision.MISSED
        return self._goal.decide(self._values)

    def told(self) -> str:
        """Return the mean with its interval."""
        import statistics

        from testbed.session.statistics import mean_interval

        if self._wrong:
            return f"{self._name}: {self._wrong}"
        low, high = mean_interval(self._values, self._goal.confidence)
        mean = statistics.fmean(self._values)
        text = f"{self._name}: mean {mean:.6g} ({low:.6g} to {high:.6g}) {self._unit}".rstrip()
        return f"{text} after {len(self._values)} runs"


def repeat(item: pytest.Item, nextitem: pytest.Item | None, goal: Goal) -> bool:
    """Run an item until `goal` is decided, and report every run.

    When the goal is reached, runs that failed are reported as reruns: the test as a whole passed.
    """
    from testbed.session.statistics import Decision

    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    properties, runs = list(item.user_properties), list[Run]()
    decision = Decision.OPEN
    while decision is Decision.OPEN:
        item.stash[NUMBER] = len(runs)
        item.user_properties[:] = properties
        # With what it stands in as the next one, only what is the test's own is torn down.
        found = runtestprotocol(item, log=False, nextitem=cast(pytest.Item, item.parent))
        runs.append(found)
        if any(report.skipped for report in found):  # blocked or skipped: says nothing, and would again
            break
        decision = goal.decide(found, item)
    state: Any = item.session
    state._setupstate.teardown_exact(nextitem)  # noqa: SLF001  (no public way to end those of wider scopes)
    _report(item, runs, decision, goal)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _report(item: pytest.Item, runs: list[Run], decision: Decision, goal: Goal) -> None:
    from testbed.session.statistics import Decision

    told = f"{goal.told()}: {decision}" if decision is not Decision.OPEN else "blocked"
    for number, run in enumerate(runs, 1):
        last = number == len(runs)
        for report in run:
            report.user_properties.append(("repetition", told if last else f"run {number}"))
            if report.failed and decision is Decision.REACHED:
                report.outcome = "rerun"  # type: ignore[assignment]  # as plugins that rerun tests call it
            elif last and report.when == "call" and report.passed and decision is not Decision.REACHED:
                report.outcome, report.longrepr = "failed", f"{goal.missed}: {told}"
            item.ihook.pytest_runtest_logreport(report=report)
