"""Sessions to forward, and what must stand in InfluxDB afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from hil_tests.support.hand_clock import HandClock
from hil_tests.support.influxdb import Influxd
from testbed.bench import Influxdb
from testbed.clock import NS
from testbed.session.file import SessionReader, SessionWriter
from testbed.session.forward import Forwarder, Influx, Report
from testbed.signals import Access, Sample, Signal

T0 = 1_763_000_000 * NS + 123_456_789
METADATA = {
    "bench": "rig",
    "started": "2026-11-23T04:05:06.789+00:00",
    "mode": "real",
    "seed": 7,
    "testbed": "0.1.0",
    "devices": {"probe": {"profile": "scpi/thermometer"}, "heater": {"profile": "own/heater, big"}},
}
SESSION = "2026-11-23T04:05:06.789Z"
SIGNALS = [
    Signal(0, "probe", "temperature", "degC"),
    Signal(1, "probe", "humidity", "%"),
    Signal(2, "heater", "duty", "%", Access.WRITE, limits=(0.0, 100.0), safe=0.0),
]


async def record(
    path: Path,
    samples: Iterable[Sample],
    *,
    signals: list[Signal] = SIGNALS,
    each: Callable[[SessionWriter, Sample], object] = lambda writer, sample: None,
    more: Callable[[SessionWriter], object] = lambda writer: None,
    end: dict[str, Any] | None = None,
) -> Path:
    """Record samples into a session that has ended, in commits of some hundred.

    `each` records what comes with a sample, `more` what comes at the end.
    """
    clock = HandClock()
    clock.move(T0 / NS)
    writer = SessionWriter(
        path, clock, signals, metadata=METADATA, attachments={}, on_failure=print, thread=False, period_s=0.01
    )
    writer.start()
    for number, sample in enumerate(samples):
        writer.sample(sample)
        each(writer, sample)
        if number % 200 == 199:
            clock.move(0.01)  # the ticker commits
    more(writer)
    writer.close(end or {"verdict": "passed", "expectations": []})
    return path


def steady(points: int, signals: int, rate: int) -> Iterator[Sample]:
    """Yield `points` samples in all, `rate` a second, in turns of the signals."""
    for number in range(points):
        yield Sample(number % signals, T0 + number * NS // rate, math.sin(number) * 1e3)


def many(signals: int) -> list[Signal]:
    """Return signals of one device."""
    return [Signal(number, "probe", f"s{number}", "V") for number in range(signals)]


async def forward(
    path: Path, target: Influxdb, *, patience: float = 30.0, told: list[str] | None = None
) -> Report:
    """Forward a session as `testbed forward` does."""
    with SessionReader(path) as session:
        async with Influx.open(target) as influx:
            tell = (told if told is not None else []).append
            return await Forwarder(session, influx, target, patience=patience, tell=tell).run(lambda: False)


def recorded(path: Path) -> set[tuple[str, str, str, int, float]]:
    """Return every sample that is a number: device, signal, quality, time, value."""
    with SessionReader(path) as session:
        names = [(signal.device, signal.name) for signal in session.signals]
        return {
            (*names[sample.signal], sample.quality.word, sample.time_ns, sample.value)
            for sample in session.samples()
            if math.isfinite(sample.value)
        }


def stored(server: Influxd, database: str, path: Path) -> set[tuple[str, str, str, int, float]]:
    """Return every sample that InfluxDB holds of the signals of a session, in the same form."""
    found = set()
    count = 0
    with SessionReader(path) as session:
        signals, devices = session.signals, session.meta()["devices"]
    for signal in signals:
        profile = devices[signal.device]["profile"]
        statement = f"""SELECT "{signal.name}" FROM "{profile}" WHERE device = '{signal.device}' GROUP BY *"""
        for series in server.query(database, statement):
            quality = series["tags"]["quality"]
            count += len(series["values"])
            found |= {(signal.device, signal.name, quality, at, float(v)) for at, v in series["values"]}
    assert len(found) == count, "a point stands there twice"
    return found


def everything_is_stored(server: Influxd, database: str, path: Path) -> bool:
    """Compare row by row; fails with the first rows that differ (pytest would try to show all)."""
    there, here = stored(server, database, path), recorded(path)
    missing, strange = sorted(here - there)[:3], sorted(there - here)[:3]
    assert not missing, f"{len(here - there)} of {len(here)} are missing, such as {missing}"
    assert not strange, f"{len(there - here)} were never recorded, such as {strange}"
    return bool(here)
