"""The recorded devices of a session, made to be played at the far ends of real wires."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from testbed.bench import Bench
from testbed.clock import Clock
from testbed.emulators.played import PlayedDevice, Player, dialect_of, live_rules
from testbed.links.played import Divergence, Script
from testbed.session.file import SessionReader

from .recording import offered_by, raw_frames, span_of
from .script_parting import ScriptParting


def played_devices(
    session: SessionReader,
    bench: Bench,
    names: Iterable[str],
    clock: Clock,
    parted: Callable[[ScriptParting], None],
) -> list[PlayedDevice]:
    """Return the named devices of the recorded bench; `parted` hears where a controller leaves them.

    Raises DamagedInput when the session cannot be replayed, UsageError for a protocol that nobody plays.
    """
    _, stopped_ns = span_of(session)
    found = []
    for name in names:
        device = bench.devices[name]

        def diverged(divergence: Divergence, name: str = name) -> None:
            parted(ScriptParting(name, divergence))

        script = Script(
            raw_frames(session, name),
            dialect_of(device),
            end_ns=stopped_ns,
            diverged=diverged,
            rules=live_rules(device, _looped(bench, name)),
        )
        found.append(PlayedDevice(device, Player(script, clock), offered_by(session, name)))
    return found


def _looped(bench: Bench, device: str) -> set[str]:
    """Return the names of the device's signals that loops command."""
    return {loop.writes.name for loop in bench.loops.values() if loop.writes.device == device}
