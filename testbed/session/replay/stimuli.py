"""What people and tests did in a recording, done again at its time: nothing in the bench would do it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from testbed.bench import Bench
from testbed.clock import Clock
from testbed.control import Commander
from testbed.session.file import SessionReader
from testbed.signals import Command

_OWN = ("configure", "safe state")
_LOOP = "loop "


def is_own(command: Command) -> bool:
    """Return whether the run itself asks for a command, and so will again in a replay."""
    return command.requester in _OWN or command.requester.startswith(_LOOP)


def ask_again(
    recording: SessionReader,
    bench: Bench,
    clock: Clock,
    commander: Commander,
    later_ns: int = 0,
    but: Collection[str] = (),
) -> None:
    """Give the commands that came from outside at the times at which they came, or `later_ns` after.

    Those of requesters in `but` are left out: somebody else gives them again.
    """
    for command in recording.commands():
        if is_own(command) or command.requester in but:
            continue
        signal = bench.by_path.get(recording.signals[command.signal].path)
        if signal is not None:
            again = partial(commander.command, signal, command.wanted, command.requester)
            clock.at(command.time_ns + later_ns, partial(_call, again))


def _call(ask: Callable[[], object]) -> None:
    ask()
