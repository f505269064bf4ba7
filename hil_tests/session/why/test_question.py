"""What is asked: a signal by its name, a time as people write it, and the nearest there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.clock import NS
from testbed.errors import UsageError
from testbed.session.file import SessionReader
from testbed.session.why import read_question

from .conftest import T0

MS = 1_000_000


@pytest.mark.parametrize(
    ("time", "since_start_ns"),
    [
        ("+1.5s", 3 * NS // 2),
        ("+ 250 ms", 250 * MS),
        ("+0s", 0),
        # The last moment of what was written: a log shows whole seconds of what happened within them.
        ("02:13:22", 3 * NS - 1),
        ("02:13:22Z", 3 * NS - 1),
        ("02:13:22.5", 2 * NS + 600 * MS - 1),
        ("02:13:22.250", 2 * NS + 251 * MS - 1),
        ("02:13:22.000000001", 2 * NS + 1),
        ("2025-11-13T02:13:22Z", 3 * NS - 1),
        ("2025-11-13 02:13:22.5", 2 * NS + 600 * MS - 1),
        ("2025-11-13T03:13:22+01:00", 3 * NS - 1),
    ],
)
def test_a_time_is_read_as_people_write_it(stale: Path, time: str, since_start_ns: int):
    with SessionReader(stale) as session:
        signal, time_ns = read_question(f"probe.temperature@{time}", session)
    assert signal.path == "probe.temperature"
    assert time_ns - T0 == since_start_ns


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("probe.temperature", "does not ask about a signal at a time"),
        ("@+1s", "does not ask about a signal at a time"),
        ("probe.temperature@", "does not ask about a signal at a time"),
        ("probe.temprature@+1s", "did you mean 'probe.temperature'?"),
        ("probe.temperature@noon", "'noon' is no time"),
        ("probe.temperature@+1 V", "'+1 V' is no time"),
        ("probe.temperature@25:00:00", "'25:00:00' is no time"),
        ("probe.temperature@2025-02-30T00:00:00Z", "is no time"),
        ("probe.temperature@+9s", "ran from 2025-11-13T02:13:20Z to 2025-11-13T02:13:25Z (5.0 s)"),
        ("probe.temperature@02:13:26", "is not in"),
        ("probe.temperature@2024-11-13T02:13:22Z", "is not in"),
        ("probe.temperature@+1e300s", "is no time"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_can(stale: Path, question: str, words: str):
    with SessionReader(stale) as session, pytest.raises(UsageError) as caught:
        read_question(question, session)
    assert words in str(caught.value)


def test_a_clock_time_before_the_start_is_that_of_the_day_after(stale: Path):
    class AcrossMidnight:
        path = stale
        signals = SessionReader(stale).signals

        def span(self) -> tuple[int, int]:
            midnight = T0 - T0 % (86400 * NS) + 86400 * NS
            return midnight - 10 * NS, midnight + 10 * NS

    session = AcrossMidnight()
    _, before = read_question("probe.temperature@23:59:55", session)  # type: ignore[arg-type]
    _, after = read_question("probe.temperature@00:00:05", session)  # type: ignore[arg-type]
    assert after - before == 10 * NS
