"""A session of the demo bench in virtual time, and one in which a sample went stale."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.session.compare.memory import RIG, record_rig
from testbed.bench import Bench, load_bench
from testbed.clock import NS, SystemClock
from testbed.session.file import SessionReader, SessionWriter
from testbed.session.metadata import attachments, start_metadata
from testbed.signals import Command, Event, Level, Outcome, Priority, Quality, Sample, Verdict

T0 = 1_763_000_000 * NS  # 2025-11-13T02:13:20Z


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_rig(tmp_path_factory.mktemp("why") / "a.session", 6.0)


@pytest.fixture
def session(recorded: Path) -> Iterator[SessionReader]:
    with SessionReader(recorded) as reader:
        yield reader


@pytest.fixture(scope="session")
def stale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session in which the thermometer fell silent: the heater went to its safe value."""
    path = tmp_path_factory.mktemp("stale") / "stale.session"
    asyncio.run(_record_stale(path, load_bench(RIG, {})))
    return path


async def _record_stale(path: Path, bench: Bench) -> None:
    clock = SystemClock()
    about = {"testbed": "0.1.0"}
    writer = SessionWriter(
        path, clock, bench.signals,
        metadata={**start_metadata(bench, about, "real", [], 0), "started_ns": T0},
        attachments=attachments(bench, about, 0),
        on_failure=pytest.fail,
    )  # fmt: skip
    writer.start()
    probe, heater = bench.by_path["probe.temperature"], bench.by_path["chamber.heater_duty"]
    for number in range(10):
        writer.sample(Sample(probe.id, T0 + number * NS // 10, 40.0 + number))
    writer.sample(Sample(probe.id, T0 + 3 * NS, 49.0, Quality.BAD, "stale: no sample for 2.1 s"))
    writer.event(Event(T0 + 3 * NS, Level.WARNING, "hold", "stale", "loop hold: no good sample for 2.1 s"))
    refused = Command(
        heater.id, 120.0, "a test", T0 + 2 * NS, T0 + 3 * NS, verdict=Verdict.REFUSED,
        reason="chamber.heater_duty: 120 is outside its limits 0 to 100 %",
    )  # fmt: skip
    refused.finish(Outcome.REFUSED, T0 + 2 * NS)
    safe = Command(
        heater.id, 0.0, "loop hold: probe.temperature is stale", T0 + 3 * NS + 1000, T0 + 4 * NS,
        priority=Priority.SAFE, verdict=Verdict.ALLOWED, sent_ns=T0 + 3 * NS + 2000,
    )  # fmt: skip
    safe.finish(Outcome.ACKNOWLEDGED, T0 + 3 * NS + 900_000)
    for command in (refused, safe):
        writer.command(command)
    writer.close({"ended_ns": T0 + 5 * NS, "verdict": "passed", "expectations": []})
    clock.close()
