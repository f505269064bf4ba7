"""How a test's commands are given: at once, or in a replay when they were given in the recording."""

from __future__ import annotations

import asyncio
import math

from testbed.errors import UsageError
from testbed.session.file import SessionReader
from testbed.signals import Command, Signal

from .grounds import SOURCE
from .scene import Scene


class Asking:
    """Gives the commands of one test."""

    def __init__(self, scene: Scene, recording: SessionReader | None) -> None:
        self._scene = scene
        self._replayed = recording is not None
        self._left: list[tuple[str, Command]] = []
        if recording is not None:
            paths = [signal.path for signal in recording.signals]
            commands = (each for each in recording.commands() if each.requester == SOURCE)
            self._left = [(paths[each.signal], each) for each in commands]

    async def ask(self, signal: Signal, value: float, requester: str) -> Command:
        """Give a command and wait for its outcome; a loop that owns the signal rests from then on.

        Raises UsageError in a replay whose recording has no such command.
        """
        if self._replayed:
            due = asyncio.Event()
            self._scene.clock.at(self._next(signal, value), due.set)
            await due.wait()
        await self._scene.parts.manual.hold_from_loop(signal, value, requester)
        return await self._scene.parts.commander.ask(signal, value, requester)

    def _next(self, signal: Signal, value: float) -> int:
        """Return when the recording gave this command."""
        for number, (path, command) in enumerate(self._left):
            if path == signal.path and math.isclose(command.value, value, rel_tol=1e-9, abs_tol=1e-12):
                del self._left[number]
                return command.time_ns
        left = ", ".join(f"{path} to {each.value:g}" for path, each in self._left) or "none"
        raise UsageError(
            f"the recording does not command {signal.path} to {value:g}; it has left: {left}",
            "the test has changed since: record it anew",
        )
