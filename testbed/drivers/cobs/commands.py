"""Commands on their way to the device: several in flight, each acknowledged by type and sequence."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from testbed.clock import NS, Clock
from testbed.drivers.arbiter import Arbiter, Request
from testbed.protocols.cobs import ANSWER, CommandLayout, Frame, Status
from testbed.protocols.numbers import to_raw
from testbed.signals import Command, Outcome

ANSWER_WITHIN = 0.25
"""Seconds that the device has to acknowledge a command."""

_IN_FLIGHT = 8


class CommandDesk:
    """Sends commands by priority and settles each: acknowledged, refused, unanswered or cut off."""

    def __init__(self, device: str, clock: Clock, send: Callable[[Frame], None]) -> None:
        self._device = device
        self._clock = clock
        self._send = send
        self._arbiter = Arbiter(clock, depth=_IN_FLIGHT)
        self._flying: dict[tuple[int, int], tuple[Request, Command]] = {}
        self._sequence = 0

    def submit(self, command: Command, layout: CommandLayout) -> None:
        """Send a command now or when its turn comes; raises ValueError when its value does not fit."""
        payload = layout.layout.pack(to_raw(layout.type, command.value, layout.scale))
        request = Request(
            command.priority,
            round(ANSWER_WITHIN * NS),
            send=lambda: self._launch(request, command, layout.kind, payload),
            failed=lambda reason: self._failed(request, command, reason),
            deadline_ns=command.deadline_ns,
        )
        self._arbiter.submit(request)

    def answered(self, frame: Frame, time_ns: int) -> None:
        """Settle the command that a frame answers; the answer to one given up is ignored."""
        request, command = self._flying.pop((frame.kind & ~ANSWER, frame.sequence), (None, None))
        if request is None or command is None:
            return
        if frame.payload == bytes((Status.OK,)):
            command.finish(Outcome.ACKNOWLEDGED, time_ns)
        else:
            command.finish(Outcome.FAILED, time_ns, f"{self._device} answered: {_words(frame.payload)}")
        self._arbiter.answered(request)

    def fail_all(self, reason: str) -> None:
        """Settle all that is open: the wire is gone."""
        self._arbiter.fail_all(reason)

    def _launch(self, request: Request, command: Command, kind: int, payload: bytes) -> None:
        self._sequence = (self._sequence + 1) & 0xFF
        command.sent_ns = self._clock.now()
        self._flying[kind, self._sequence] = request, command
        self._send(Frame(kind, self._sequence, payload))

    def _failed(self, request: Request, command: Command, reason: str) -> None:
        self._flying = {key: flying for key, flying in self._flying.items() if flying[0] is not request}
        now = self._clock.now()
        expired = not command.sent_ns and now > command.deadline_ns
        command.finish(Outcome.EXPIRED if expired else Outcome.FAILED, now, f"{self._device}: {reason}")


def _words(status: bytes) -> str:
    if len(status) != 1:
        return f"{len(status)} bytes instead of one status byte"
    with contextlib.suppress(ValueError):
        return Status(status[0]).words
    return f"unknown status {status[0]}"
