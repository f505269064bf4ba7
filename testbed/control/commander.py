"""The way of every command: guard, driver, record; whoever asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from testbed.clock import Clock
from testbed.drivers import Driver, LinkState
from testbed.signals import Command, Event, Level, Outcome, Priority, Sample, Signal, Verdict

_REPEAT_NS = 1_000_000_000  # the same refusal is told once a second, however often it happens


class Receiver(Protocol):
    """What takes commands: the driver of a device, or the setpoint of a loop."""

    @property
    def command_timeout(self) -> float:
        """How long a command may take, in s."""

    @property
    def state(self) -> LinkState:
        """Whether commands go out; they do while it is online."""

    def submit(self, command: Command) -> None:
        """Take a command that passed the guard."""


class Commander:
    """Gives commands to the devices of a bench.

    Refused commands never reach a driver. What was commanded is published as a sample of the signal
    (it is what the actuator was told), and every command is recorded once, when its outcome is known.
    """

    def __init__(
        self,
        signals: Sequence[Signal],
        clock: Clock,
        judge: Callable[[Command, int], bool],
        publish: Callable[[Sample], None],
        record: Callable[[Command], None],
        report: Callable[[Event], None],
    ) -> None:
        self._receivers: list[Receiver | None] = [None] * len(signals)
        self._signals = signals
        self._clock = clock
        self._judge = judge
        self._publish = publish
        self._record = record
        self._report = report
        self._told: dict[tuple[int, str], int] = {}
        self._held: set[int] = set()
        self.hearers: list[Callable[[Command], None]] = []
        """Called with every command as it is given, before it is judged."""
        self.followers: list[Callable[[Command], None]] = []
        """Called with every command that went to its device."""
        self.watchers: list[Callable[[Command], None]] = []
        """Called with every command whose outcome is known, once it is recorded."""

    def attach(self, driver: Driver) -> None:
        """Send the commands to a device's signals through its driver from now on."""
        for signal in driver.device.signals.values():
            self._receivers[signal.id] = driver

    def attach_setpoint(self, signal: Signal, setpoint: Receiver) -> None:
        """Hand commands to the setpoint of a loop to it from now on."""
        self._receivers[signal.id] = setpoint

    def give(self, command: Command) -> None:
        """Judge and send a command in this turn; `command.on_done` is called when its outcome is known."""
        asker = command.on_done

        def settled(done: Command) -> None:
            self._settled(done, asker)

        command.on_done = settled
        now = self._clock.now()
        for hearer in self.hearers:
            hearer(command)
        receiver = self._receivers[command.signal]
        if receiver is None or not self._judge(command, now):
            command.finish(Outcome.REFUSED, now, command.reason or self._no_driver(command))
            return
        self._held.discard(command.signal)
        receiver.submit(command)
        if command.outcome is not Outcome.FAILED:
            self._publish(Sample(command.signal, now, command.value))
            for follower in self.followers:
                follower(command)

    def _no_driver(self, command: Command) -> str:
        return f"{self._signals[command.signal].path} belongs to no device that takes part in this run"

    def reachable(self, signal: Signal) -> bool:
        """Return whether a command to this signal would go out now."""
        receiver = self._receivers[signal.id]
        return receiver is not None and receiver.state is LinkState.ONLINE

    def command(
        self,
        signal: Signal,
        value: float,
        requester: str,
        *,
        priority: Priority = Priority.COMMAND,
        cause_ns: int = 0,
        on_done: Callable[[Command], None] | None = None,
    ) -> Command:
        """Make a command that may take as long as its device normally takes, and give it."""
        now = self._clock.now()
        receiver = self._receivers[signal.id]
        patience = receiver.command_timeout if receiver is not None else 1.0
        command = Command(
            signal.id, value, requester, now, now + round(patience * 1e9),
            cause_ns=cause_ns, priority=priority, on_done=on_done,
        )  # fmt: skip
        self.give(command)
        return command

    async def ask(
        self, signal: Signal, value: float, requester: str, priority: Priority = Priority.COMMAND
    ) -> Command:
        """Give a command and wait for its outcome."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settled(_: Command) -> None:
            if not done.done():
                done.set_result(None)

        command = self.command(signal, value, requester, priority=priority, on_done=settled)
        await done
        return command

    def _settled(self, command: Command, asker: Callable[[Command], None] | None) -> None:
        receiver = self._receivers[command.signal]
        if command.reason and isinstance(receiver, Driver):
            command.reason = receiver.device.wire.redacted(command.reason)
        self._record(command)
        if command.outcome in (Outcome.REFUSED, Outcome.FAILED, Outcome.EXPIRED):
            self._tell(command)
        for watcher in self.watchers:
            watcher(command)
        if asker is not None:
            asker(command)

    def _tell(self, command: Command) -> None:
        if command.verdict is Verdict.HELD:  # told once, until a command passes again: a loop asks on and on
            if command.signal in self._held:
                return
            self._held.add(command.signal)
        key = (command.signal, command.outcome.value)
        now = self._clock.now()
        if now - self._told.get(key, -_REPEAT_NS) < _REPEAT_NS:
            return
        self._told[key] = now
        path = self._signals[command.signal].path
        text = f"{command.requester}: {path} to {command.value:g} {command.outcome}: {command.reason}"
        self._report(Event(now, Level.WARNING, path, command.outcome.value, text))
