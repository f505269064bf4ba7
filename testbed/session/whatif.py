"""Rebuilds a twin as it stood at a moment of a session, running or recorded, to ask it what would be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

from msgspec.structs import replace

from testbed.bench import Bench, TwinModel, nearest
from testbed.errors import UsageError
from testbed.session.file import SessionReader
from testbed.session.memory import learned
from testbed.signals import Command, Outcome, Quality, Sample
from testbed.twin import LiveTwin
from testbed.twin.models import make_model
from testbed.twin.wiring import Wiring

_SINCE_NS = 120_000_000_000  # of a session that a twin is rebuilt from: by then it has forgotten how it began


@dataclass(frozen=True)
class Rebuilt:
    """A twin, and the time of the session at which it stands, in ns."""

    name: str
    twin: LiveTwin
    time_ns: int


def rebuild(session: SessionReader, bench: Bench, name: str | None, time_ns: int | None) -> Rebuilt:
    """Return a twin as it stood at a time (None: the newest), with what it had learned by then.

    Raises UsageError when there is no such twin, or when it had no state yet.
    """
    device, spec = twin_of(bench, name)
    until_ns = session.span()[1] if time_ns is None else time_ns
    known = learned(session, device, spec, until_ns)
    latest: dict[int, float] = {}
    twin = LiveTwin(
        spec, make_model(spec, known.parameters(spec)), partial(_latest, latest), lambda sample: None,
        lambda event: None, known.biases(spec),
    )  # fmt: skip
    for _, what in happened(session, bench, twin.wiring, until_ns - _SINCE_NS, until_ns):
        if isinstance(what, Command):
            latest[what.signal] = what.value
            twin.commanded(what)
        elif what.quality is Quality.GOOD:
            latest[what.signal] = what.value
            (twin.moved if what.signal in twin.wiring.input_of else twin.observe)(what)
    if not twin.tracker.begun:
        paths = ", ".join(sensor.signal.path for sensor in spec.sensors)
        raise UsageError(f"the twin of {device} had no state then", f"ask for a time after the first {paths}")
    return Rebuilt(device, twin, until_ns)


def twin_of(bench: Bench, name: str | None) -> tuple[str, TwinModel]:
    """Return a twin that has a model, by default the first; raises UsageError when there is none."""
    models = {device: twin.model for device, twin in bench.twins.items() if twin.model is not None}
    if name is None:
        if not models:
            raise UsageError(f"the bench {bench.name} has no twin with a model", "declare one under twins:")
        name = next(iter(models))
    if name not in models:
        hint = nearest(name, models) or f"there are {', '.join(models)}"
        raise UsageError(f"{name} has no twin with a model", hint)
    return name, models[name]


def _latest(values: dict[int, float], signal: int) -> float:
    return values.get(signal, math.nan)


def happened(
    session: SessionReader, bench: Bench, wiring: Wiring, since_ns: int, until_ns: int
) -> Iterator[tuple[int, Sample | Command]]:
    """Give the samples and commands that a twin took, in the order of time."""
    here = {signal.path: signal.id for signal in session.signals}
    ids = {
        here[bench.signals[number].path]: number
        for number in (*wiring.sensor_of, *wiring.input_of)
        if bench.signals[number].path in here
    }
    written = {number for number in ids if bench.signals[ids[number]].writable}
    found: list[tuple[int, Sample | Command]] = [
        (each.time_ns, replace(each, signal=ids[each.signal]))
        for each in session.samples(sorted(set(ids) - written))
        if since_ns <= each.time_ns <= until_ns
    ]
    for command in session.commands():
        if command.signal in written and command.outcome is Outcome.ACKNOWLEDGED:
            at = command.cause_ns or command.time_ns
            if at <= until_ns:
                command.signal = ids[command.signal]
                found.append((at, command))
    yield from sorted(found, key=itemgetter(0))
