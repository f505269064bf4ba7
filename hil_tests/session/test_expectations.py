"""Expectations are judged over samples as they arrive; a bad sample never satisfies one."""

import math

import pytest

from testbed.bench.expectation import parse_expectation
from testbed.session.expectations import ExpectationVerdict, Judge, Judgement
from testbed.signals import Quality, Sample

PASSED, FAILED = ExpectationVerdict.PASSED, ExpectationVerdict.FAILED
BLOCKED, UNDECIDED = ExpectationVerdict.BLOCKED, ExpectationVerdict.UNDECIDED
BAD = None


def judge(text: str, values: list[float | None], end: float | None = None, unit: str = "degC") -> Judgement:
    """Judge one sample a second, None for a bad one."""
    judge = Judge(parse_expectation(text, unit), 0)
    for second, value in enumerate(values):
        time_ns = second * 10**9
        if value is BAD:
            judge.observe(Sample(0, time_ns, math.nan, Quality.BAD, "offline: unplugged"))
        else:
            judge.observe(Sample(0, time_ns, value))
    return judge.finish(round((len(values) if end is None else end) * 1e9))


@pytest.mark.parametrize(
    ("text", "values", "verdict", "margin"),
    [
        ("a.b stays below 85 degC", [20, 80, 60], PASSED, 5),
        ("a.b stays below 85 degC", [20, 86, 60], FAILED, -1),
        ("a.b stays below 358.15 K", [20, 80, 60], PASSED, 5),
        ("a.b stays above 10 degC", [20, 12, 60], PASSED, 2),
        ("a.b stays between 10 degC and 70 degC", [20, 65, 12], PASSED, 2),
        ("a.b stays between 10 degC and 70 degC", [20, 65, 9], FAILED, -1),
        ("a.b stays below 85 degC after 2 s", [99, 99, 80, 70], PASSED, 5),
        ("a.b settles at 60 degC +/- 1 K within 3 s", [20, 50, 59.5, 60.2], PASSED, 0.5),
        ("a.b settles at 60 degC +/- 1 K within 2 s", [20, 50, 55, 60], FAILED, -4),
        ("a.b settles at 60 degC +/- 1 K within 2 s", [20, 60, 60, 60, 62, 60], FAILED, None),
        ("a.b settles at 60 degC +/- 1 K within 9 s", [20, 30], UNDECIDED, None),
        ("a.b reaches 50 degC within 3 s", [20, 40, 55, 30], PASSED, 5),
        ("a.b reaches 50 degC within 1 s", [20, 40, 55, 30], FAILED, -10),
        ("a.b reaches 50 degC within 9 s", [20, 40], UNDECIDED, -10),
        ("a.b stays good", [20, 20], PASSED, None),
        ("a.b stays good", [20, BAD, 20], FAILED, None),
        ("a.b stays good after 2 s", [BAD, BAD, 20, 20], PASSED, None),
        ("a.b stays below 85 degC", [BAD, BAD], BLOCKED, None),
        ("a.b stays below 85 degC", [], BLOCKED, None),
        ("a.b stays below 85 degC", [20, BAD, 20], PASSED, 65),
        ("a.b settles at 60 degC +/- 1 K within 2 s", [20, 60, 60, BAD], FAILED, None),
    ],
)
def test_verdict_and_margin(text, values, verdict, margin):
    found = judge(text, values)
    assert found.verdict is verdict, found
    if margin is not None:
        assert found.margin == pytest.approx(margin)


def test_a_failure_says_what_came_and_when():
    assert judge("a.b stays below 85 degC", [20, 20, 90.5]).detail == "90.5 degC at 2.00 s"


@pytest.mark.parametrize(
    ("text", "values", "band", "time", "decided"),
    [
        ("a.b stays below 85 degC after 1 s", [20, 20, 86, 60], (None, 85), (1, 4), 2),
        ("a.b stays between 10 degC and 70 degC", [20, 65, 12], (10, 70), (0, 3), None),
        ("a.b settles at 60 degC +/- 1 K within 3 s", [20, 50, 59.5, 60.2], (59, 61), (3, 4), 2),
        ("a.b settles at 60 degC +/- 1 K within 2 s", [20, 50, 55], (59, 61), (2, 3), 2),
        ("a.b settles at 60 degC +/- 1 K within 2 s", [20, 60, 60, BAD], (59, 61), (2, 4), 4),
        ("a.b reaches 50 degC within 3 s", [20, 40, 55, 30, 30], (50, None), (0, 3), 2),
        ("a.b reaches 90 degC within 3 s", [20, 40, 55, 30, 30], (90, None), (0, 3), 3),
        ("a.b stays good", [20, BAD, 20], (None, None), (0, 3), 1),
    ],
)
def test_a_judgement_says_where_it_belongs_in_a_drawing(text, values, band, time, decided):
    found = judge(text, values)
    assert (found.signal, found.low, found.high) == ("a.b", *band)
    assert (found.since_ns, found.until_ns) == tuple(second * 10**9 for second in time)
    assert found.at_ns == (None if decided is None else decided * 10**9)


def test_a_blocked_expectation_says_why_no_sample_came():
    assert judge("a.b stays above 1 degC", [BAD]).detail == "no good sample: offline: unplugged"


def test_a_run_that_ends_before_the_time_an_expectation_allows_leaves_it_undecided():
    assert judge("a.b stays below 85 degC after 9 s", [20, 20]).verdict is UNDECIDED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a.b is nice", "is no expectation"),
        ("a.b stays below 85 rpm", "does not fit"),
        ("a.b stays between 9 degC and 5 degC", "the band from 9 to 5 degC is empty"),
        ("a.b reaches 50 degC within 5 m", "does not fit"),
        ("a.b stays below warm", "no quantity"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_expectation(text, "degC")
