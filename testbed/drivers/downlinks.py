"""Commands to a device that listens only after it has spoken: one at the network server, the rest here."""

from __future__ import annotations

from collections.abc import Callable

from testbed.clock import NS, Clock, Timer
from testbed.errors import LinkError
from testbed.signals import Command, Outcome, Priority


class DownlinkQueue:
    """Hands over one command at a time; while it waits here, a command gives way to a newer one.

    A newer command for the same signal supersedes an older waiting one, unless the older one leads to
    the safe state and the newer does not; a command to the safe state supersedes all waiting ones that
    do not. What was handed over can no longer be taken back: it is acknowledged, or fails after
    `timeout` seconds. `hand_over` publishes a command and returns the id by which it will be settled;
    `given_up` is called before one is settled that may still wait at the network server.
    """

    def __init__(
        self,
        clock: Clock,
        hand_over: Callable[[Command], str],
        timeout: float,
        given_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._hand_over = hand_over
        self._timeout = timeout
        self._given_up = given_up
        self._waiting: list[Command] = []
        self._handed: Command | None = None
        self._item_id = ""
        self._timer: Timer | None = None

    def submit(self, command: Command) -> None:
        """Take a command; it goes out at once when nothing is on its way."""
        for older in list(self._waiting):
            if _gives_way(older, command):
                self._waiting.remove(older)
                older.finish(Outcome.SUPERSEDED, self._clock.now(), "a newer command took its place")
        self._waiting.append(command)
        self._advance()

    def settle(self, item_id: str, outcome: Outcome, reason: str = "") -> bool:
        """Settle the command that was handed over as `item_id`; returns False when it is another's."""
        if self._handed is None or item_id != self._item_id:
            return False
        command, self._handed = self._handed, None
        if self._timer is not None:
            self._timer.cancel()
        command.finish(outcome, self._clock.now(), reason)
        self._advance()
        return True

    def fail_all(self, reason: str) -> None:
        """End every command: the link is gone, and nothing is ever sent again by itself."""
        waiting, self._waiting = self._waiting, []
        self.settle(self._item_id, Outcome.FAILED, f"{reason}; it may still reach the device")
        for command in waiting:
            command.finish(Outcome.FAILED, self._clock.now(), reason)

    def _advance(self) -> None:
        while self._waiting and self._handed is None:
            command = min(self._waiting, key=lambda each: each.priority)  # the oldest of the most urgent
            self._waiting.remove(command)
            now_ns = self._clock.now()
            if command.deadline_ns and now_ns > command.deadline_ns:
                command.finish(Outcome.EXPIRED, now_ns, "expired while it waited for the one before it")
                continue
            self._launch(command)

    def _launch(self, command: Command) -> None:
        try:
            item_id = self._hand_over(command)
        except (LinkError, ValueError) as error:
            command.finish(Outcome.FAILED, self._clock.now(), str(error))
            return
        command.sent_ns = self._clock.now()
        self._handed, self._item_id = command, item_id
        due_ns = command.sent_ns + round(self._timeout * NS)
        reason = f"no acknowledgement within {self._timeout:g} s"
        self._timer = self._clock.at(due_ns, lambda: self.give_up(item_id, reason))

    def give_up(self, item_id: str, reason: str) -> None:
        """Settle the command that was handed over as `item_id` as failed, though the server may still try."""
        if self._handed is not None and item_id == self._item_id:
            self._given_up()
            self.settle(item_id, Outcome.FAILED, reason)


def _gives_way(older: Command, newer: Command) -> bool:
    if newer.priority is Priority.SAFE and older.priority is not Priority.SAFE:
        return True
    return older.signal == newer.signal and older.priority >= newer.priority
