"""A session of a bench on which everything goes wrong that a dashboard can show."""

from __future__ import annotations

import math
from pathlib import Path

from hil_tests.support.hand_clock import HandClock
from testbed.bench import Bench
from testbed.clock import NS
from testbed.control.terms import Terms
from testbed.session.file import ACTED_SAFE, OVERRUN, SessionWriter
from testbed.session.metadata import about_host, attachments, start_metadata
from testbed.signals import Command, Event, Level, Outcome, Quality, Sample, Verdict


def record_trouble(bench: Bench, path: Path, start_ns: int) -> None:
    """Record a second of trouble with every signal, device and loop of the bench, from `start_ns` on."""
    clock = HandClock()
    clock.move(start_ns / NS)
    host = about_host(bench)
    about = {**start_metadata(bench, host, "real", [], 1), "started": "2026-11-23T04:05:06.789+00:00"}
    writer = SessionWriter(
        path, clock, bench.signals,
        metadata=about, attachments=attachments(bench, host, 1), on_failure=print, thread=False,
    )  # fmt: skip
    writer.start()
    for signal in bench.signals:
        for step in range(10):
            at = start_ns + step * 100_000_000
            value = 1.0 if step % 2 else 0.0
            writer.sample(Sample(signal.id, at, value))
            writer.sample(Sample(signal.id, at + 1, value, Quality.UNCERTAIN, "no answer"))
            writer.sample(Sample(signal.id, at + 2, math.nan, Quality.BAD, "offline: pulled"))
        if signal.writable:
            writer.command(
                Command(signal.id, 1e9, "test", start_ns, start_ns + 1, verdict=Verdict.REFUSED,
                        outcome=Outcome.REFUSED, reason="outside its limits", done_ns=start_ns + 1)
            )  # fmt: skip
    for device in bench.devices:
        writer.event(Event(start_ns, Level.WARNING, device, "offline", f"{device} is offline: pulled"))
        writer.event(Event(start_ns + 1, Level.ERROR, device, "unsafe", f"{device} did not confirm"))
        writer.event(Event(start_ns + 2, Level.INFO, device, "fault-cut", f"{device}: the wire was cut"))
    for loop in bench.loops:
        log = writer.cycles(loop)
        log.add(start_ns, 1000, 2000, 3000, 4000, OVERRUN, Terms(60.0, 59.0, 20.0, 20.0, 0.0, 0.0))
        log.add(start_ns + 1, 1000, 2000, -1, -1, ACTED_SAFE)
    for twin in bench.twins.values():
        if twin.model is not None:
            writer.twin_state(twin.device.name, start_ns, {"air": 20.0, "load": math.nan})
            writer.twin_state(twin.device.name, start_ns + 1, {"air": math.nan})
    judged = [{"text": each.text, "verdict": "failed", "margin": -1.0} for each in bench.expectations]
    clock.move(1.0)
    writer.close({"verdict": "failed", "expectations": judged})
