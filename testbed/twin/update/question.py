"""A question to the device: a setpoint moves for a moment, so that the answer tells causes apart."""

from __future__ import annotations

from collections.abc import Callable

from testbed.bench import Excite

_PAUSE_NS = 30_000_000_000  # from the end of one question to the next


class Question:
    """Asked at most twice a minute; the setpoint always comes back."""

    def __init__(self, plan: Excite, shift: Callable[[float], None]) -> None:
        self.plan = plan
        self._shift = shift
        self._ends_ns = 0
        self._asking = False

    def ask(self, now_ns: int) -> bool:
        """Ask, if the last question was long enough ago; return whether it is asked."""
        if self._ends_ns and now_ns < self._ends_ns + _PAUSE_NS:
            return False
        self._ends_ns = now_ns + self.plan.lasts_ns
        self._asking = True
        self._shift(self.plan.by)
        return True

    def work(self, now_ns: int) -> None:
        """Let the setpoint come back when it is time."""
        if self._asking and now_ns >= self._ends_ns:
            self._asking = False
            self._shift(0.0)
