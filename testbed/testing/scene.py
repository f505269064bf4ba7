"""What a test sees of the bench that runs for it, and what is noted of the test meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.errors import UsageError

if TYPE_CHECKING:
    from testbed.bench import Bench
    from testbed.clock import Clock
    from testbed.session.assembly import Assembly
    from testbed.session.results import Judgement, Measurement
    from testbed.signals import Event


@dataclass
class Scene:
    """A running bench and its session."""

    bench: Bench
    clock: Clock
    parts: Assembly
    mode: str
    path: Path
    """Where it is recorded."""
    seed: int
    report: Callable[[Event], None]
    """Records an event of the test."""
    started_ns: int
    """When the body of the test began; before that, when the run did."""
    events: list[Callable[[Event], None]] = field(default_factory=list)
    """Called with every event."""
    endings: list[Callable[[], None]] = field(default_factory=list)
    """Called when the run ends before the test."""
    judgements: list[Judgement] = field(default_factory=list)
    """What the test's expectations came to, in order."""
    measurements: list[Measurement] = field(default_factory=list)
    soft: list[str] = field(default_factory=list)
    """What failed and did not end the test."""
    waiting: list[Any] = field(default_factory=list)
    """Expectations that nobody has waited for yet."""
    ended: str = ""
    """Why the run ended before the test; empty while it goes on."""

    def hear(self, event: Event) -> None:
        """Hand on an event of the run."""
        for each in list(self.events):
            each(event)

    def end(self, why: str) -> None:
        """Note that the run ended before the test did."""
        if not self.ended:
            self.ended = why
            for each in list(self.endings):
                each()


_CURRENT: ContextVar[Scene] = ContextVar("scene")


def current() -> Scene:
    """Return the scene of the test that is running; raises UsageError outside of one."""
    try:
        return _CURRENT.get()
    except LookupError:
        raise UsageError(
            "there is no running bench here", "expect works in tests that take the fixture bench or session"
        ) from None


def enter(scene: Scene) -> None:
    """Make it the current one of this task and of those that it starts."""
    _CURRENT.set(scene)
