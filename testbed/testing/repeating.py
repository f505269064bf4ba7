"""Runs a test again and again until it is known whether it passes often enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from testbed.session.statistics import Decision, PassGoal

NUMBER = pytest.StashKey[int]()
"""Which run of a repeated test this is, from 0; each has a seed of its own."""

Run = list[pytest.TestReport]


def repeat(item: pytest.Item, nextitem: pytest.Item | None, goal: PassGoal) -> bool:
    """Run an item until `goal` is decided, and report every run.

    When the goal is reached, runs that failed are reported as reruns: the test as a whole passed.
    """
    from testbed.session.statistics import Decision

    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    properties, runs, passed = list(item.user_properties), list[Run](), 0
    decision = Decision.OPEN
    while decision is Decision.OPEN:
        item.stash[NUMBER] = len(runs)
        item.user_properties[:] = properties
        # With what it stands in as the next one, only what is the test's own is torn down.
        found = runtestprotocol(item, log=False, nextitem=cast(pytest.Item, item.parent))
        runs.append(found)
        if any(report.skipped for report in found):  # blocked or skipped: says nothing, and would again
            break
        passed += all(report.passed for report in found)
        decision = goal.decide(passed, len(runs))
    state: Any = item.session
    state._setupstate.teardown_exact(nextitem)  # noqa: SLF001  (no public way to end those of wider scopes)
    _report(item, runs, decision, f"{passed} of {len(runs)} runs passed: {decision}")
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _report(item: pytest.Item, runs: list[Run], decision: Decision, told: str) -> None:
    from testbed.session.statistics import Decision

    for number, run in enumerate(runs, 1):
        last = number == len(runs)
        for report in run:
            report.user_properties.append(("repetition", told if last else f"run {number}"))
            if report.failed and decision is Decision.REACHED:
                report.outcome = "rerun"  # type: ignore[assignment]  # as plugins that rerun tests call it
            elif last and report.when == "call" and report.passed and decision is not Decision.REACHED:
                report.outcome, report.longrepr = "failed", f"not shown to pass often enough: {told}"
            item.ihook.pytest_runtest_logreport(report=report)
