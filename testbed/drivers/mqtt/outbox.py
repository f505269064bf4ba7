"""Commands on their way to a device that acknowledges them by their ids, over the loss of the broker.

A broker that is killed forgets what it had queued, so nothing here relies on it: a command stays in
this outbox until the device itself has acknowledged it. When the connection is back, what is left is sent
again under the same id, in the same order, and a device that had it already only acknowledges it again. So a
command that was acknowledged was applied, and applied once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from testbed.clock import NS, Clock, Timer
from testbed.errors import LinkError
from testbed.signals import Command, Outcome

Send = Callable[[Command, str, float], None]
"""Publishes a command under an id; after so many seconds nobody waits for it any more."""

MAY_HAVE = "it may still have reached the device"


@dataclass
class _Entry:
    command: Command
    timer: Timer


class Outbox:
    """Keeps what the device has not acknowledged, for the life of the run."""

    def __init__(self, clock: Clock, send: Send, timeout_s: float, resend_s: float) -> None:
        """Wait `timeout_s` for an acknowledgement; `resend_s` is how long a command outlives a connection."""
        self._clock = clock
        self._send = send
        self._timeout_s = timeout_s
        self._resend_s = resend_s
        self._entries: dict[str, _Entry] = {}
        self._connected = False

    def submit(self, command: Command, command_id: str) -> None:
        """Send a command and keep it; raises LinkError or ValueError when it cannot be sent."""
        self._send(command, command_id, self._timeout_s)
        command.sent_ns = self._clock.now()
        self._keep(command, command_id, self._timeout_s, f"no acknowledgement within {self._timeout_s:g} s")

    def settle(self, command_id: str, outcome: Outcome, reason: str = "") -> bool:
        """Settle a command; returns False when it is unknown, or was settled before."""
        entry = self._entries.pop(command_id, None)
        if entry is None:
            return False
        entry.timer.cancel()
        entry.command.finish(outcome, self._clock.now(), reason)
        return True

    def settle_where(self, fits: Callable[[Command], bool], outcome: Outcome, reason: str = "") -> None:
        """Settle every command that fits."""
        for command_id, entry in list(self._entries.items()):
            if fits(entry.command):
                self.settle(command_id, outcome, reason)

    def lost(self, reason: str) -> None:
        """Keep what may be sent again, for as long as that is; the rest fails now."""
        if not self._connected:  # each attempt to connect that fails ends here, too
            return
        self._connected = False
        if self._resend_s <= 0:
            self.fail_all(reason)
            return
        for command_id, entry in list(self._entries.items()):
            entry.timer.cancel()
            self._keep(entry.command, command_id, self._resend_s, f"{reason}; {MAY_HAVE}")

    def resume(self) -> None:
        """Send again what is left, in order and under its ids: there is a connection."""
        self._connected = True
        for command_id, entry in list(self._entries.items()):
            command, now_ns = entry.command, self._clock.now()
            if command.deadline_ns and now_ns > command.deadline_ns:
                reason = f"it was too late for it when the connection was back; {MAY_HAVE}"
                self.settle(command_id, Outcome.EXPIRED, reason)
                continue
            try:
                self._send(command, command_id, self._timeout_s)
            except (LinkError, ValueError) as error:
                self.settle(command_id, Outcome.FAILED, f"{error}; {MAY_HAVE}")
                continue
            entry.timer.cancel()
            reason = f"no acknowledgement within {self._timeout_s:g} s after it was sent again"
            self._keep(command, command_id, self._timeout_s, reason)

    def fail_all(self, reason: str) -> None:
        """End every command."""
        self.settle_where(lambda command: True, Outcome.FAILED, f"{reason}; {MAY_HAVE}")

    def _keep(self, command: Command, command_id: str, wait_s: float, reason: str) -> None:
        due_ns = self._clock.now() + round(wait_s * NS)
        timer = self._clock.at(due_ns, lambda: self._give_up(command_id, reason))
        if command_id in self._entries:  # it keeps its place
            self._entries[command_id].timer = timer
        else:
            self._entries[command_id] = _Entry(command, timer)

    def _give_up(self, command_id: str, reason: str) -> None:
        self.settle(command_id, Outcome.FAILED, reason)
