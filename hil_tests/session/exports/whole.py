"""A session with something of everything in it, for the tests of exports and imports."""

from __future__ import annotations

import math
from pathlib import Path

from testbed.clock import NS
from testbed.control.terms import Terms
from testbed.links import Direction
from testbed.session.file import ACTED_SAFE, OVERRUN, SessionReader
from testbed.signals import Command, Event, Level, Outcome, Priority, Quality, Sample, Verdict

from ..recording import record

T0 = 1_763_000_000 * NS + 1

SAMPLES = [
    Sample(0, T0, 21.5),
    Sample(2, T0, 1.0),
    Sample(0, T0 + 1, -0.0),
    Sample(0, T0 + 2, 0.1 + 0.2, Quality.UNCERTAIN, "no answer for 3 periods"),
    Sample(0, T0 + 3, math.nan, Quality.BAD, "offline: gezogen µ"),
    Sample(0, T0 + NS, math.inf),
    Sample(0, T0 + NS + 1, 5e-324),
]
FRAMES = [
    ("probe", T0, Direction.OPEN, b""),
    ("probe", T0 + 1, Direction.TX, b"MEAS?\n"),
    ("probe", T0 + 2, Direction.RX, bytes(range(256))),
    ("fan", T0 + 2, Direction.RX, b""),
    ("probe", T0 + 3, Direction.LOST, "gezogen µ".encode()),
]
EVENTS = [
    Event(T0 + 1, Level.INFO, "probe", "online", "[red]here[/red] µ"),
    Event(T0 + 3, Level.WARNING, "probe", "offline", "two\nlines"),
    Event(T0 + 4, Level.ERROR, "run", "fault", ""),
]
CYCLES = [
    ("hold", T0 + 2000, 0, 500, 1500, 9000, 0, Terms(60.0, 21.5, 40.0, 1.5, -0.0, math.nan)),
    ("hold", T0 + 4000, 100, 500, 1500, -1, OVERRUN),
    ("hold", T0 + 6000, 0, -1, -1, -1, ACTED_SAFE),
    ("slow", T0 + 3000, 7, 1000, 1000, 2_000_000, 0),
]
TWIN_STATES = [("heater", T0 + 7, {"air": 21.5, "load": -0.0}), ("heater", T0 + NS, {})]
ATTACHMENTS = {"bench/rig.yaml": b"bench: rig\n", "calibration.bin": bytes(range(256))}


def commands() -> list[Command]:
    """Return settled commands: acknowledged, refused, and one that never went out."""
    done = Command(1, 40.0, "loop hold", T0, T0 + NS, T0)
    done.verdict, done.sent_ns = Verdict.ALLOWED, T0 + 5
    done.finish(Outcome.ACKNOWLEDGED, T0 + 9)
    refused = Command(1, math.nan, "test", T0 + 2, T0 + NS)
    refused.verdict = Verdict.REFUSED
    refused.finish(Outcome.REFUSED, T0 + 2, "not a number")
    safe = Command(1, -0.0, "safe state", T0 + 3, T0 + NS, priority=Priority.SAFE)
    safe.outcome = Outcome.EXPIRED
    return [done, refused, safe]


async def whole_session(path: Path) -> Path:
    """Record all of it at `path`."""
    async with record(path, metadata={"bench": "rig", "seed": 7}, attachments=ATTACHMENTS) as writer:
        for sample in SAMPLES:
            writer.sample(sample)
        for device, *frame in FRAMES:
            writer.tap(device)(*frame)
        for command in commands():
            writer.command(command)
        for event in EVENTS:
            writer.event(event)
        for loop, *cycle in CYCLES:
            writer.cycles(loop).add(*cycle)
        for state in TWIN_STATES:
            writer.twin_state(*state)
    return path


def contents(path: Path) -> dict[str, object]:
    """Return all that a session recorded; texts of numbers, so that NaN equals NaN and -0.0 is not 0.0."""
    with SessionReader(path) as session:
        return {
            "signals": session.signals,
            "samples": [repr(sample) for sample in session.samples()],
            "frames": list(session.frames()),
            "commands": [repr(command) for command in session.commands()],
            "events": list(session.events()),
            "cycles": {loop: [repr(each) for each in session.cycles(loop)] for loop in session.loops()},
            "twin states": list(session.twin_states()),
            "attachments": {name: session.attachment(name) for name in session.attachments()},
        }
