"""A recording that stopped before its run did, because the disk was full."""

from __future__ import annotations

from pathlib import Path

from hil_tests.cli.inside import run_inside
from testbed.clock import NS
from testbed.session.file import SessionReader
from testbed.session.replay.recording import span_of
from testbed.signals import Sample

from .recording import record

FAILURE = "recording to friday.session stopped: the disk is full; all that was recorded before is kept"


START_NS = 1_763_000_000 * NS


async def stopped(folder: Path) -> Path:
    """Record a run of 10 s of which 1 s was recorded."""
    path = folder / "friday.session"
    end = {"recording_failure": FAILURE, "stopped_ns": START_NS + 10 * NS, "ended_ns": START_NS + 11 * NS}
    async with record(path, metadata={"started_ns": START_NS}, end=end) as writer:
        writer.sample(Sample(0, START_NS + NS, 21.5))
    return path


async def test_it_replays_as_far_as_it_was_recorded(tmp_path):
    with SessionReader(await stopped(tmp_path)) as session:
        assert span_of(session) == (START_NS, START_NS + NS)


async def test_show_says_that_recording_stopped(tmp_path, monkeypatch, capsys):
    result = run_inside(monkeypatch, capsys, "show", await stopped(tmp_path))
    assert result.returncode == 0
    assert FAILURE in " ".join(result.stdout.split())
