"""A session recorded in virtual time: no thread, no event loop, and the same file for the same input."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hil_tests.support.hand_clock import HandClock
from testbed.clock import NS
from testbed.links import Direction
from testbed.session.file import SessionReader, SessionWriter
from testbed.signals import Sample

from .recording import RIG
from .test_file_live import file_size_limit


def inline(path: Path, clock: HandClock, told: list[str]) -> SessionWriter:
    """Start a writer that commits every 5 s of session time in the turn that calls it."""
    writer = SessionWriter(
        path, clock, RIG, metadata={"seed": 7}, attachments={}, on_failure=told.append,
        thread=False, period_s=5.0,
    )  # fmt: skip
    writer.start()
    return writer


def samples(path: Path) -> list[float]:
    with SessionReader(path) as session:
        return [sample.value for sample in session.samples()]


def test_it_commits_in_the_callers_turn_and_starts_no_thread(tmp_path):
    path, clock, told = tmp_path / "a.session", HandClock(), []
    before = threading.active_count()
    writer = inline(path, clock, told)
    tap = writer.tap("probe")
    for number in range(100):
        writer.sample(Sample(0, clock.now(), float(number)))
        tap(clock.now(), Direction.RX, b"20.5\n")
        clock.move(0.1)
        if number == 60:
            assert 50 <= len(samples(path)) < 60  # what came before the last of the 5 s
    assert threading.active_count() == before
    writer.close({"verdict": "passed"})
    assert samples(path) == list(range(100))
    with SessionReader(path) as session:
        assert session.span() == (NS, 11 * NS)
    assert told == []


def test_the_same_input_gives_the_same_file(tmp_path):
    for name in ("a", "b"):
        clock = HandClock()
        writer = inline(tmp_path / name, clock, [])
        for number in range(100):
            writer.sample(Sample(number % 3, clock.now(), float(number)))
            clock.move(0.1)
        writer.close({"verdict": "passed"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_disk_that_is_full_ends_the_recording_and_is_told_once(tmp_path, at_the_end):
    path, clock, told = tmp_path / "a.session", HandClock(), []
    writer = inline(path, clock, told)
    writer.sample(Sample(0, clock.now(), 1.0))
    clock.move(6)
    with file_size_limit(tmp_path, 150_000):
        for number in range(20_000):
            writer.sample(Sample(0, clock.now(), float(number)))
        if not at_the_end:
            clock.move(6)
            assert not writer.recording
        writer.close({"verdict": "passed"})
    assert len(told) == 1
    assert "all that was recorded before is kept" in told[0]
    assert samples(path) == [1.0]
