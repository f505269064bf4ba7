"""What came of the body of a test, noted for its session."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.outcomes import Skipped

from testbed.session.results import Measurement, TestOutcome, TestResult

from .blocked import Blocked
from .measuring import tell

if TYPE_CHECKING:
    from .scene import Scene
    from .stand import Stand


@dataclass
class Told:
    """What is known of the test itself, for its session; filled in while it runs."""

    node: str
    outcome: TestOutcome = TestOutcome.BLOCKED
    message: str = "it did not begin"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    requirements: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def note(self, outcome: TestOutcome, message: object = "") -> None:
        """Note what it came to."""
        self.outcome, self.message = outcome, str(message)

    def result(self, measurements: Iterable[Measurement]) -> TestResult:
        """Return it as the session keeps it."""
        return TestResult(
            name=self.node,
            outcome=self.outcome,
            message=self.message,
            seconds=round(time.monotonic() - self.began, 3),
            parameters=dict(self.parameters),
            requirements=self.requirements,
            measurements=list(measurements),
        )


@contextlib.contextmanager
def noted(stand: Stand) -> Iterator[None]:
    """Note what the block comes to; soft expectations and broken limits are told at its end."""
    __tracebackhide__ = True
    told = stand.told
    told.note(TestOutcome.FAILED, "it did not end")
    try:
        with stand.body():
            yield
        _tell_rest(stand.scene)
    except Skipped as error:
        told.note(TestOutcome.BLOCKED if isinstance(error, Blocked) else TestOutcome.SKIPPED, error.msg)
        raise
    except BaseException as error:
        told.note(TestOutcome.FAILED, str(error) or type(error).__name__)
        raise
    told.note(TestOutcome.PASSED)


def _tell_rest(scene: Scene) -> None:
    """Fail a test that went through for what was kept to its end."""
    __tracebackhide__ = True
    broken = [f"measured {each.name} = {tell(each)}" for each in scene.measurements if not each.passed]
    if scene.soft or broken:
        pytest.fail("\n\n".join([*scene.soft, *broken]), pytrace=False)
