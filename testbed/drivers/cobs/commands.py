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
        self.device = device
        self.clock = clock
        self._send = send
        self._arbiter = Arbiter(clock, depth=_IN_FLIGHT)
        self._flying: dict[tuple[int, int], _Order] = {}
        self._sequence = 0

    def submit(self, command: Command, layout: CommandLayout) -> None:
        """Send a command now or when its turn comes; raises ValueError when its value does not fit."""
        payload = layout.layout.pack(to_raw(layout.type, command.value, layout.scale))
        self._arbiter.submit(_Order(self, command, layout.kind, payload))

    def answered(self, frame: Frame, time_ns: int) -> None:
        """Settle the command that a frame answers; the answer to one given up is ignored."""
        order = self._flying.pop((frame.kind & ~ANSWER, frame.sequence), None)
        if order is None:
            return
        if frame.payload == bytes((Status.OK,)):
            order.command.finish(Outcome.ACKNOWLEDGED, time_ns)
        else:
            reason = f"{self.device} answered: {_words(frame.payload)}"
            order.command.finish(Outcome.FAILED, time_ns, reason)
        self._arbiter.answered(order)

    def fail_all(self, reason: str) -> None:
        """Settle all that is open: the wire is gone."""
        self._arbiter.fail_all(reason)

    def launch(self, order: _Order) -> None:
        """Write a command under the next sequence number."""
        self._sequence = (self._sequence + 1) & 0xFF
        order.command.sent_ns = self.clock.now()
        self._flying[order.kind, self._sequence] = order
        self._send(Frame(order.kind, self._sequence, order.payload))

    def forget(self, order: _Order) -> None:
        """Wait no longer for an answer."""
        self._flying = {key: flying for key, flying in self._flying.items() if flying is not order}


class _Order(Request):
    """One command on its way."""

    def __init__(self, desk: CommandDesk, command: Command, kind: int, payload: bytes) -> None:
        super().__init__(command.priority, round(ANSWER_WITHIN * NS), deadline_ns=command.deadline_ns)
        self.command = command
        self.kind = kind
        self.payload = payload
        self._desk = desk

    def send(self) -> None:
        self._desk.launch(self)

    def failed(self, reason: str) -> None:
        command, now = self.command, self._desk.clock.now()
        self._desk.forget(self)
        expired = not command.sent_ns and now > command.deadline_ns
        outcome = Outcome.EXPIRED if expired else Outcome.FAILED
        command.finish(outcome, now, f"{self._desk.device}: {reason}")


def _words(status: bytes) -> str:
    if len(status) != 1:
        return f"{len(status)} bytes instead of one status byte"
    with contextlib.suppress(ValueError):
        return Status(status[0]).words
    return f"unknown status {status[0]}"
