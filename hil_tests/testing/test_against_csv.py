"""What is judged while samples arrive is what somebody else finds in the exported CSV afterwards."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hil_tests.support.hand_clock import HandClock
from testbed.clock import NS
from testbed.session.checks import (
    AgreesWithTwin,
    Becomes,
    Changes,
    ChangesSlowly,
    Check,
    Follows,
    Formula,
    IsStable,
    Overshoots,
    Reaches,
    Rises,
    Satisfies,
    Settles,
    Stays,
    StaysGood,
)
from testbed.session.exports import Format, export
from testbed.session.file import SessionReader, SessionWriter
from testbed.signals import Hub, Quality, Sample, Signal, Stage

from .csv_oracle import Verdict, Watched, rows_of

MS = NS // 1000
BEGIN, WITHIN, HOLD, END = 2 * NS, 4 * NS, 3 * NS, 60 * NS
SIGNALS = [Signal(number, "rig", f"s{number}", "V") for number in range(5)]

Stream = list[tuple[int, float | None]]
"""Samples as (ms after the one before, value; None for a bad one)."""

# Few values, so that bands are met exactly, and gaps that end exactly when times are over. Where many values
# are averaged, the last bit is a matter of the order: those limits are ones that nothing meets exactly.
values = st.sampled_from([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0])
gaps = st.sampled_from([1, 100, 250, 500, 1000, 2000])
streams = st.lists(st.tuples(gaps, values | values | values | st.none()), max_size=40) | st.lists(
    st.tuples(gaps, values), min_size=5, max_size=40
)

# Without these it were left to luck whether each family is both right and wrong at some time.
CALM = [(500, 0.5 + number % 2 / 2) for number in range(40)]
HIGH = [(500, 5.0 - number % 2 * 8) for number in range(40)]
RISING = [(500, min(number * 0.5 - 3, 2.5)) for number in range(40)]
FALLING = [(500, max(4 - number * 0.5, -1.5)) for number in range(40)]
PULLED = [(500, 1.0 if number < 6 else None) for number in range(40)]
PLAIN: list[Stream] = [CALM, HIGH, RISING, FALLING, PULLED]

Family = tuple[Callable[[Signal, Signal], Check], Callable[[Watched, Watched], Verdict]]

FAMILIES: dict[str, Family] = {
    "stays": (lambda a, b: Stays("", a, -1, 2, WITHIN), lambda a, b: a.stays(-1, 2, WITHIN)),
    "stays below": (
        lambda a, b: Stays("", a, -math.inf, 3, WITHIN),
        lambda a, b: a.stays(-math.inf, 3, WITHIN),
    ),
    "is now": (lambda a, b: Reaches("", a, 0, 1, 0), lambda a, b: a.reaches(0, 1, 0)),
    "reaches": (
        lambda a, b: Reaches("", a, 2, math.inf, WITHIN),
        lambda a, b: a.reaches(2, math.inf, WITHIN),
    ),
    "settles": (
        lambda a, b: Settles("", a, 0, 2, WITHIN, HOLD),
        lambda a, b: a.settles(0, 2, WITHIN, HOLD),
    ),
    "changes": (lambda a, b: Changes("", a, 2, WITHIN), lambda a, b: a.changes(2, WITHIN)),
    "overshoots": (lambda a, b: Overshoots("", a, 1, 1, WITHIN), lambda a, b: a.overshoots(1, 1, WITHIN)),
    "rises": (
        lambda a, b: Rises("", a, 0, 2, HOLD, 2 * WITHIN),
        lambda a, b: a.rises(0, 2, HOLD, 2 * WITHIN),
    ),
    "falls": (
        lambda a, b: Rises("", a, 1, -1, HOLD, 2 * WITHIN),
        lambda a, b: a.rises(1, -1, HOLD, 2 * WITHIN),
    ),
    "changes slowly": (
        lambda a, b: ChangesSlowly("", a, 5, 0, WITHIN, "V/s"),
        lambda a, b: a.changes_slowly(5, 0, WITHIN),
    ),
    "changes slowly on average": (
        lambda a, b: ChangesSlowly("", a, 2, NS, WITHIN, "V/s"),
        lambda a, b: a.changes_slowly(2, NS, WITHIN),
    ),
    "stays good": (lambda a, b: StaysGood("", a, WITHIN), lambda a, b: a.stays_good(WITHIN)),
    "becomes good": (lambda a, b: Becomes("", a, NS, bad=False), lambda a, b: a.becomes(NS, good=True)),
    "becomes bad": (
        lambda a, b: Becomes("", a, WITHIN, bad=True),
        lambda a, b: a.becomes(WITHIN, good=False),
    ),
    "is stable": (
        lambda a, b: IsStable("", a, 1.0137, NS, WITHIN),
        lambda a, b: a.is_stable(1.0137, NS, WITHIN),
    ),
    "follows": (lambda a, b: Follows("", a, b, 0.2537, WITHIN), lambda a, b: a.follows(b, 0.2537, WITHIN)),
    "agrees with its twin": (
        lambda a, b: AgreesWithTwin("", a, 3, 0.47, 4 * WITHIN),
        lambda a, b: a.agrees(3, 0.47, 4 * WITHIN),
    ),
    "always": (
        lambda a, b: Satisfies("", Formula("always[1:4](s < 3)", lambda name: a)),
        lambda a, b: a.always_below(3, NS, WITHIN),
    ),
    "eventually": (
        lambda a, b: Satisfies("", Formula("eventually[0.5:4 s](s > 1)", lambda name: a)),
        lambda a, b: a.once_above(1, NS // 2, WITHIN),
    ),
}


class Live:
    """Checks on a hub as tests have them: begun in the middle, and done with once decided."""

    def __init__(self, hub: Hub, checks: list[Check], newest: dict[int, Sample]) -> None:
        for check in checks:
            held = {each.id: newest[each.id] for each in check.signals if each.id in newest}
            check.begin(BEGIN, held)
            for signal in check.signals:
                hub.subscribe(signal.id, Stage.WATCH, self._taker(check))

    @staticmethod
    def _taker(check: Check) -> Callable[[Sample], None]:
        return lambda sample: check.take(sample) if check.verdict is None else None


def play(folder: Path, drawn: list[Stream]) -> tuple[dict[str, list[Check]], str]:
    """Record the streams while every family judges every signal; return the checks and the CSV."""
    clock, path = HandClock(), folder / "a.session"
    writer = SessionWriter(
        path, clock, SIGNALS, metadata={}, attachments={}, on_failure=pytest.fail, thread=False, period_s=5.0
    )
    writer.start()
    hub = Hub(len(SIGNALS), lambda subscriber, error: pytest.fail(repr(error)))
    hub.subscribe_all(Stage.RECORD, writer.sample)
    newest: dict[int, Sample] = {}
    hub.subscribe_all(Stage.TWIN, lambda sample: newest.__setitem__(sample.signal, sample))
    checks = {
        name: [made(signal, SIGNALS[signal.id - 1]) for signal in SIGNALS]
        for name, (made, _) in FAMILIES.items()
    }
    begun = False
    for sample in in_time(drawn):
        if sample.time_ns > BEGIN and not begun:
            begun = True
            Live(hub, [each for made in checks.values() for each in made], newest)
        hub.publish(sample)
    if not begun:
        Live(hub, [each for made in checks.values() for each in made], newest)
    writer.close({"verdict": "passed"})
    file = io.BytesIO()
    with SessionReader(path) as session:
        export(session, file, Format.CSV)
    return checks, file.getvalue().decode()


def in_time(drawn: list[Stream]) -> list[Sample]:
    """Return the samples of all streams in time order; no two signals have one at the same time."""
    samples = []
    for number, stream in enumerate(drawn):
        time_ns = number
        for gap, value in stream:
            time_ns += gap * MS
            if value is None:
                samples.append(Sample(number, time_ns, math.nan, Quality.BAD, "offline: pulled"))
            else:
                samples.append(Sample(number, time_ns, value))
    return sorted(samples, key=lambda sample: sample.time_ns)


def test_the_csv_of_1000_random_signals_gives_the_same_verdicts():
    judged = dict.fromkeys(FAMILIES, 0)
    came: dict[str, set[str]] = {name: set() for name in FAMILIES}

    @settings(max_examples=200, deadline=None)
    @given(st.lists(streams, min_size=len(SIGNALS), max_size=len(SIGNALS)))
    @example([[]] * 5)
    @example(PLAIN)
    def judge(drawn: list[Stream]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            checks, text = play(Path(folder), drawn)
        rows = rows_of(text)
        watched = [Watched.of(rows.get(signal.path, []), BEGIN) for signal in SIGNALS]
        for name, (_, look) in FAMILIES.items():
            for number, check in enumerate(checks[name]):
                found = check.judgement(END)
                expected = look(watched[number], watched[number - 1])
                told = f"{name} of {watched[number].rows}: {found}"
                assert found.verdict == expected.word, told
                if expected.margin is not None:
                    assert found.margin == pytest.approx(expected.margin, abs=1e-9), told
                judged[name] += 1
                came[name].add(found.verdict.value)

    judge()
    assert min(judged.values()) >= 1000
    lopsided = {name: words for name, words in came.items() if not {"passed", "failed"} <= words}
    assert not lopsided
