"""How sure repeated runs make, and when to stop."""

from __future__ import annotations

import functools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.errors import UsageError
from testbed.session.statistics import Decision, MeanGoal, PassGoal, mean_interval, pass_interval


def binomial(runs: int, least: int, p: float) -> float:
    """Return the probability of at least `least` passes, summed by hand."""
    return sum(math.comb(runs, k) * p**k * (1 - p) ** (runs - k) for k in range(least, runs + 1))


@settings(deadline=None)  # the first call loads scipy
@given(runs=st.integers(1, 40), data=st.data(), confidence=st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_of_a_rate_holds_what_would_not_be_too_unlikely(runs, data, confidence):
    passed = data.draw(st.integers(0, runs))
    low, high = pass_interval(passed, runs, confidence)
    tail = (1 - confidence) / 2
    assert low <= passed / runs <= high
    assert low == 0 if passed == 0 else binomial(runs, passed, low) == pytest.approx(tail, rel=1e-6)
    assert (
        high == 1 if passed == runs else 1 - binomial(runs, passed + 1, high) == pytest.approx(tail, rel=1e-6)
    )


def test_the_rule_of_three():
    assert pass_interval(100, 100, 0.9)[0] == pytest.approx(1 - 3 / 100, abs=1e-3)


def test_the_interval_of_a_mean_is_students():
    # Example of NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.2: N = 195, 95 %.
    values = [9.261460 + 0.022789 * math.sqrt(194 / 195) * (1 if n % 2 else -1) for n in range(194)] + [
        9.261460
    ]
    low, high = mean_interval(values)
    assert (low, high) == pytest.approx((9.258242, 9.264679), abs=2e-5)
    assert mean_interval([1.0]) == (-math.inf, math.inf)


@pytest.mark.parametrize(("least", "runs"), [(0.5, 7), (0.9, 43), (0.95, 89)])
def test_a_test_that_always_passes_is_sure_enough_after_so_many_runs(least: float, runs: int):
    goal = PassGoal(least)
    decided = next(n for n in range(1, 1000) if goal.decide(n, n) is not Decision.OPEN)
    assert goal.decide(decided, decided) is Decision.REACHED
    assert decided == pytest.approx(runs, abs=2)


def test_a_test_that_never_passes_is_given_up_soon():
    assert PassGoal(0.95).decide(0, 3) is Decision.MISSED


def test_runs_that_are_not_enough_leave_it_undecided():
    goal = PassGoal(0.95, most=20)
    assert goal.decide(10, 10) is Decision.OPEN
    assert goal.decide(20, 20) is Decision.UNDECIDED


@pytest.mark.parametrize("p", [0.89, 0.9])
def test_looking_after_every_run_makes_no_more_mistakes_than_were_allowed(p: float):
    """A test just too bad (or at the border) is called good enough in at most 5 % of all histories."""
    chance, wrong, histories = random.Random(1), 0, 400
    decide = functools.cache(PassGoal(0.9, most=200).decide)
    for _ in range(histories):
        passed, runs, decision = 0, 0, Decision.OPEN
        while decision is Decision.OPEN:
            runs += 1
            passed += chance.random() < p
            decision = decide(passed, runs)
        wrong += decision is Decision.REACHED
    assert wrong / histories <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / histories)


@settings(deadline=None)  # the first call loads scipy
@given(runs=st.integers(1, 200), data=st.data(), least=st.floats(0.01, 0.99))
def test_the_more_pass_the_better(runs, data, least):
    order = {Decision.MISSED: 0, Decision.OPEN: 1, Decision.REACHED: 2}
    passed = data.draw(st.integers(1, runs))
    goal = PassGoal(least)
    assert order[goal.decide(passed - 1, runs)] <= order[goal.decide(passed, runs)]


def test_a_mean_is_known_when_its_interval_is_narrow_and_there_were_enough_runs():
    chance = random.Random(3)
    values = [chance.gauss(5, 1) for _ in range(1000)]
    goal = MeanGoal(0.5)
    runs = next(n for n in range(1, 1000) if goal.decide(values[:n]) is Decision.REACHED)
    assert runs == pytest.approx((2 * 1.96 / 0.5) ** 2, rel=0.4)
    assert goal.decide([5.0] * 9) is Decision.OPEN
    assert goal.decide([5.0] * 10) is Decision.REACHED
    assert MeanGoal(1e-9, most=30).decide(values[:30]) is Decision.UNDECIDED


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: PassGoal(1.0), "pass probability of 1 can never be shown"),
        (lambda: PassGoal(0.9, confidence=1.0), "confidence of 1 can never be shown"),
        (lambda: PassGoal(0.9, most=0), "0 runs are none"),
        (lambda: MeanGoal(0.0), "width of 0"),
    ],
)
def test_a_goal_that_can_never_be_met_is_refused(make, told):
    with pytest.raises(UsageError, match=told):
        make()
