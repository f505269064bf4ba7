"""A sweep runs one test over a grid or a random design of its parameters."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.errors import UsageError
from testbed.testing import between, sweep


def choices(**given: Any) -> tuple[tuple[str, ...], list[tuple[Any, ...]], list[str]]:
    """Return names, choices and ids of a sweep, as pytest is told of them."""

    @sweep(**given)
    def test() -> None: ...

    (mark,) = [mark for mark in test.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    return mark.args[0], mark.args[1], mark.kwargs["ids"]


def test_lists_are_a_grid_of_every_value_with_every_other():
    names, chosen, ids = choices(kp=[10, 20], ambient=[15.0, 25.0])
    assert names == ("kp", "ambient")
    assert chosen == [(10, 15.0), (10, 25.0), (20, 15.0), (20, 25.0)]
    assert ids[0] == "kp=10-ambient=15"


@settings(deadline=None)  # the first call loads scipy
@given(runs=st.integers(1, 60), seed=st.integers(0, 2**31))
def test_a_random_design_spreads_each_parameter_evenly_over_its_range(runs: int, seed: int):
    _, chosen, ids = choices(kp=between(10, 40), tau=between(1, 1000, log=True), runs=runs, seed=seed)
    assert len(chosen) == len(set(ids)) == runs
    linear = sorted(math.floor((kp - 10) / 30 * runs) for kp, _ in chosen)
    ratio = sorted(math.floor(math.log10(tau) / 3 * runs + 1e-9) for _, tau in chosen)
    assert linear == ratio == list(range(runs))


@settings(deadline=None)  # the first call loads scipy
@given(runs=st.integers(1, 60), seed=st.integers(0, 2**31))
def test_a_list_in_a_random_design_gives_each_value_its_share(runs: int, seed: int):
    _, chosen, _ = choices(level=["low", "mid", "high"], runs=runs, seed=seed)
    counts = [[level for (level,) in chosen].count(word) for word in ("low", "mid", "high")]
    assert max(counts) - min(counts) <= 2  # its runs are spread evenly, and may lie across a border
    assert sum(counts) == runs


def test_a_seed_gives_the_same_design_each_time_and_another_one_another():
    one, again, other = (choices(kp=between(0, 1), runs=5, seed=seed)[1] for seed in (1, 1, 2))
    assert one == again != other


def test_choices_that_look_the_same_are_numbered():
    assert choices(kp=[1.00001, 1.00002])[2] == ["0-kp=1", "1-kp=1"]


def test_an_id_is_the_same_in_every_process():
    assert choices(what=[object(), object(), math.sin, None])[2] == [
        "0-what=object", "1-what=object", "2-what=sin", "3-what=None",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "a sweep without parameters"),
        ({"kp": 3}, "kp must be a list of values or a range, not 3"),
        ({"kp": "fast"}, "kp must be a list"),
        ({"kp": []}, "kp must be a list"),
        ({"kp": between(1, 2)}, "kp is a range, and nothing says how many runs"),
        ({"kp": [1], "runs": 0}, "a sweep of 0 runs"),
        ({"kp": range(1000), "ki": range(1000)}, "a sweep of 1000000 runs"),
    ],
)
def test_what_cannot_be_swept_is_refused_with_the_reason(given: dict[str, Any], told: str):
    with pytest.raises(UsageError) as raised:
        sweep(**given)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((2, 1), "nothing to choose from"), ((1, math.inf), "nothing"), ((0, 1, True), "cannot begin at 0")],
)
def test_a_range_that_is_none_is_refused(arguments: tuple[Any, ...], told: str):
    low, high, *log = arguments
    with pytest.raises(UsageError, match=told):
        between(low, high, log=bool(log))
