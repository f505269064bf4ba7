"""What pytest told of one run of one test, and what the report makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from testbed.errors import TestbedError

if TYPE_CHECKING:
    from testbed.session.report import Entry
    from testbed.session.results import TestOutcome


class TestRun:
    """One run of one test, phase by phase."""

    __test__ = False  # the name begins like a test class; pytest must not collect it

    def __init__(self, name: str) -> None:
        self.name = name
        self.seconds = 0.0
        self.failed = self.skipped = False
        self.messages: list[str] = []
        self.properties: dict[str, list[Any]] = {}

    def add(self, report: pytest.TestReport) -> None:
        """Take the report of a phase."""
        self.seconds += report.duration
        self.failed |= report.outcome in ("failed", "rerun")
        self.skipped |= report.skipped
        if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
            self.messages.append(str(report.longrepr[2]))
        elif report.outcome != "passed":
            self.messages.append(_told(report))
        self.properties = {}  # each phase brings all there are so far
        for key, value in report.user_properties:
            self.properties.setdefault(key, []).append(value)

    def entry(self, problems: list[str]) -> Entry:
        """Return what the report tells of it; a session that cannot be read is a problem, not the end."""
        from testbed.session.report import Entry, entry_of
        from testbed.session.results import TestResult

        result = TestResult(
            name=self.name,
            outcome=self._outcome(),
            message="\n\n".join(
                filter(None, [*map(str, self.properties.get("blocked", [])), *self.messages])
            ),
            seconds=self.seconds,
            parameters=self._parameters(),
            requirements=[str(each) for each in self.properties.get("requirement", [])],
        )
        for session in self.properties.get("session", [])[-1:]:
            try:
                return entry_of(Path(session), result)
            except TestbedError as error:
                problems.append(f"{self.name}: {error}")
        return Entry(result)

    def _outcome(self) -> TestOutcome:
        from testbed.session.results import TestOutcome

        if self.failed:
            return TestOutcome.FAILED
        if "blocked" in self.properties:
            return TestOutcome.BLOCKED
        return TestOutcome.SKIPPED if self.skipped else TestOutcome.PASSED

    def _parameters(self) -> dict[str, Any]:
        prefix = "parameter "
        return {
            key.removeprefix(prefix): values[-1]
            for key, values in self.properties.items()
            if key.startswith(prefix)
        }


def _told(report: pytest.TestReport) -> str:
    """Return what went wrong: in one line, then with all that pytest shows."""
    crash = getattr(report.longrepr, "reprcrash", None)
    first = str(getattr(crash, "message", "")).partition("\n")[0]
    return f"{first}\n\n{report.longreprtext}" if first else report.longreprtext
