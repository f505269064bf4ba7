"""What checks make of samples that are not good, of the contrary, of formulas."""

from __future__ import annotations

import math

import pytest

from testbed.errors import UsageError
from testbed.session.checks import (
    Check,
    Contrary,
    Formula,
    Reaches,
    Rises,
    Satisfies,
    Settles,
    Stays,
    StaysGood,
)
from testbed.session.results import ExpectationVerdict, Judgement
from testbed.signals import Quality, Sample, Signal

NS = 1_000_000_000
SIGNAL = Signal(0, "a", "b", "degC")
OTHER = Signal(1, "a", "c", "degC")
PASSED, FAILED = ExpectationVerdict.PASSED, ExpectationVerdict.FAILED
BLOCKED, UNDECIDED = ExpectationVerdict.BLOCKED, ExpectationVerdict.UNDECIDED


def judge(check: Check, values: list[float | None], end: float | None = None) -> Judgement:
    """Judge one sample a second from 0 on, None for a bad one."""
    check.begin(0)
    for second, value in enumerate(values):
        check.take(sample(second, value))
    return check.judgement(round((len(values) if end is None else end) * NS))


def sample(second: float, value: float | None, signal: int = 0) -> Sample:
    if value is None:
        return Sample(signal, round(second * NS), math.nan, Quality.BAD, "offline: unplugged")
    return Sample(signal, round(second * NS), value)


def stays() -> Stays:
    return Stays("", SIGNAL, 0, 10, 3 * NS)


def settles() -> Settles:
    return Settles("", SIGNAL, 9, 11, 4 * NS, 2 * NS)


def reaches() -> Reaches:
    return Reaches("", SIGNAL, 10, math.inf, 3 * NS)


@pytest.mark.parametrize(
    ("check", "values", "verdict", "margin"),
    [
        (stays(), [5, 5, 8, 9, 20], PASSED, 1),
        (stays(), [5, 5, 8, 11], FAILED, -1),
        (stays(), [5, None, 5, 5, 5], FAILED, None),
        (stays(), [5, 5], UNDECIDED, 5),
        (settles(), [0, 9.5, 10, 10, 0], PASSED, 0.5),
        (settles(), [0, 10, 0, 10, 10, 10], PASSED, 1),
        (settles(), [0, 10, 0, 10, 10, 0, 10, 10], FAILED, -9),
        (settles(), [0, 10, None, 10, 10, 10], PASSED, 1),
        (settles(), [0, 0, 0, 0, 10, None, 10, 10], FAILED, None),
        (settles(), [0, 0, 0, 0, 0, 10, 10, 10], FAILED, -9),
        (reaches(), [0, 5, 12, 0], PASSED, 2),
        (reaches(), [0, 5, 8, 9, 12], FAILED, -1),
        (reaches(), [None, None, None, None, None], BLOCKED, None),
        (reaches(), [0, None, 12], PASSED, 2),
        (Contrary(reaches()), [0, 5, 8, 9, 12], PASSED, 1),
        (Contrary(reaches()), [0, 5, 12], FAILED, -2),
        (Contrary(stays()), [5, 11], PASSED, 1),
        (Contrary(stays()), [5, None, 11], FAILED, None),
        (Contrary(StaysGood("", SIGNAL, 3 * NS)), [5, None], FAILED, None),
        (Rises("", SIGNAL, 1, 5, 2 * NS, 9 * NS), [0, 1, 3, 5], PASSED, 0),
        (Rises("", SIGNAL, 1, 5, 2 * NS, 9 * NS), [0, 1, 1, 1, 3, 5], PASSED, 0),
        (Rises("", SIGNAL, 1, 5, 2 * NS, 9 * NS), [0, 1, 2, 3, 4, 5], FAILED, None),
        (Rises("", SIGNAL, 5, 1, 2 * NS, 9 * NS), [6, 5, 0], PASSED, 1),
    ],
)
def test_verdict_and_margin(
    check: Check, values: list[float | None], verdict: str, margin: float | None
) -> None:
    found = judge(check, values)
    assert found.verdict == verdict, found
    assert found.margin == (None if margin is None else pytest.approx(margin))


def test_the_value_that_holds_at_the_beginning_counts_from_then_on() -> None:
    check = stays()
    check.begin(10 * NS, {0: sample(3, 20.0)})
    assert (check.verdict, check.at_ns) == (FAILED, 10 * NS)
    check = stays()
    check.begin(10 * NS, {0: sample(3, None)})
    assert (check.verdict, check.detail) == (FAILED, "bad at 0.00 s: offline: unplugged")


def test_a_sample_of_the_very_last_moment_still_counts() -> None:
    check = reaches()
    check.begin(0)
    check.take(sample(3, 10))
    assert check.verdict is PASSED
    check = stays()
    check.begin(0)
    check.take(sample(0, 5))
    check.take(sample(3, 11))
    assert check.verdict is FAILED


def find(name: str) -> Signal:
    known = {"b": SIGNAL, "a.c": OTHER}
    if name not in known:
        raise UsageError(f"there is no signal {name!r}")
    return known[name]


@pytest.mark.parametrize(
    ("formula", "values", "verdict", "margin"),
    [
        ("always[0:3](b < 10)", [5, 6, 9, 4], PASSED, 1),
        ("always[0:3 s](b < 10)", [5, 6, 12, 4], FAILED, -2),
        ("always[0:3000 ms](b < 10)", [5, 6, 9, 4, 99], PASSED, 1),
        ("eventually[1:3](b > 10)", [20, 6, 12, 4], PASSED, 2),
        ("(b < 6) and eventually[0:2](b > 8)", [5, 6, 9], PASSED, 1),
        ("(b < 6) implies always[0:2](b < 9.5)", [5, 6, 9], PASSED, 0.5),
        ("eventually[0:1 s](always[0:500 ms](b > 5))", [0, 6, 7], PASSED, 1),
        ("always[0:2](b < 10)", [5, None, 6], FAILED, None),
    ],
)
def test_formulas(formula: str, values: list[float | None], verdict: str, margin: float | None) -> None:
    found = judge(Satisfies(formula, Formula(formula, find)), values, end=20)
    assert found.verdict == verdict, found
    assert found.margin == (None if margin is None else pytest.approx(margin))


def test_a_formula_of_two_signals_begins_when_both_are_known() -> None:
    check = Satisfies("", Formula("always[0:2](b - a.c < 3)", find))
    check.begin(0)
    for each in (sample(0, 50), sample(1, 1, 1), sample(1.5, 3), sample(2, 2, 1)):
        check.take(each)
    found = check.judgement(20 * NS)
    assert (found.verdict, found.until_ns) == (FAILED, 3 * NS), "50 degC held when the other became known"
    assert found.margin == pytest.approx(-46)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("always[0:3](b <", "is no formula"),
        ("always(b < 3)", "has no end"),
        ("always[0:3](x < 3)", "no signal 'x'"),
        ("always[3:1](b < 3)", "ends before it begins"),
        ("always[0:3 V](b < 3)", "is no interval of time"),
        ("1 < 2", "speaks of no signal"),
    ],
)
def test_formulas_that_cannot_be_read_are_refused(formula: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Formula(formula, find)
