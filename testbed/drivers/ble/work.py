"""What a connection still has to do: commands and polls, the most urgent first."""

from __future__ import annotations

import asyncio
import heapq

from testbed.links import LinkLost
from testbed.signals import Command, Priority

from .reports import Report

_LIMIT = 64  # commands; a device takes some 10 to 100 a second

Job = Command | Report
"""A command to send, or a characteristic to read and report."""


class Work:
    """A bounded queue by priority, first come first served within one."""

    def __init__(self) -> None:
        self._heap: list[tuple[Priority, int, Job]] = []
        self._sequence = 0
        self._commands = 0
        self._filled = asyncio.Event()

    def put(self, priority: Priority, job: Job) -> None:
        """Add a job; raises LinkLost when too many commands wait, safe-state ones excepted.

        A poll that waits already is not added again: a slow device is polled more slowly instead of
        ever later.
        """
        if isinstance(job, Command):
            if self._commands >= _LIMIT and priority is not Priority.SAFE:
                raise LinkLost(f"{self._commands} commands wait already, the device is too slow")
            self._commands += 1
        elif any(waiting is job for _, _, waiting in self._heap):
            return
        self._sequence += 1
        heapq.heappush(self._heap, (priority, self._sequence, job))
        self._filled.set()

    async def get(self) -> Job:
        """Return the most urgent job, once there is one."""
        while not self._heap:
            self._filled.clear()
            await self._filled.wait()
        return self._pop()

    def drain(self) -> list[Command]:
        """Forget everything; returns the commands, the most urgent first."""
        jobs = [self._pop() for _ in range(len(self._heap))]
        return [job for job in jobs if isinstance(job, Command)]

    def _pop(self) -> Job:
        job = heapq.heappop(self._heap)[2]
        self._commands -= isinstance(job, Command)
        return job
