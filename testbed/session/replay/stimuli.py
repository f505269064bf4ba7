"""What people and tests did in a recording, done again at its time: nothing in the bench would do it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from testbed.bench import Bench
from testbed.clock import Clock
from testbed.control import END, GIVEN, TAKEN, Lease, ManualControl
from testbed.session.assembly import Assembly
from testbed.session.file import SessionReader
from testbed.signals import Command, Event

_OWN = ("configure", "safe state", END)
_OWN_KINDS = ("loop ", "interlock ", "guard: ", "twin ")
_TAKES = " takes "


def is_own(command: Command) -> bool:
    """Return whether the run itself asks for a command, and so will again in a replay."""
    return command.requester in _OWN or command.requester.startswith(_OWN_KINDS)


def ask_again(
    recording: SessionReader,
    bench: Bench,
    clock: Clock,
    parts: Assembly,
    later_ns: int = 0,
    but: Collection[str] = (),
) -> None:
    """Do what came from outside at the times at which it came, or `later_ns` after.

    Actuators are taken in hand and given back, and commanded. What requesters in `but` did is left out:
    somebody else does it again.
    """
    leases = _Leases(bench, parts.manual)
    for event in recording.events():
        in_hand = event.kind in (TAKEN, GIVEN) and event.source in bench.by_path
        if in_hand and event.text.partition(_TAKES)[0] not in but:
            clock.at(event.time_ns + later_ns, partial(leases.follow, event))
    for command in recording.commands():
        if is_own(command) or command.requester in but:
            continue
        signal = bench.by_path.get(recording.signals[command.signal].path)
        if signal is not None:
            again = partial(parts.commander.command, signal, command.wanted, command.requester)
            clock.at(command.time_ns + later_ns, partial(_call, again))


class _Leases:
    """The actuators that were in hand."""

    def __init__(self, bench: Bench, manual: ManualControl) -> None:
        self._bench = bench
        self._manual = manual
        self._held: dict[str, Lease] = {}

    def follow(self, event: Event) -> None:
        """Take an actuator in hand, or give it back, as an event tells."""
        if event.kind == TAKEN:
            signal = self._bench.by_path[event.source]
            self._held[event.source] = self._manual.hold(signal, event.text.partition(_TAKES)[0])
        elif (lease := self._held.pop(event.source, None)) is not None:
            why = event.text.partition(": ")[0]
            self._manual.release(lease.id, why.removeprefix(f"{lease.who} "))


def _call(ask: Callable[[], object]) -> None:
    ask()
