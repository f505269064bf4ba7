"""What marks of a test say, read once when tests are collected; a malformed one is a usage error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import pytest

from testbed.errors import UsageError

if TYPE_CHECKING:
    from testbed.session.statistics import PassGoal

LINES = (
    "needs(*names): devices (or device/feature) without which a test is blocked; default: all",
    "on_bench(name): this test is for the bench of that name, and skipped on others",
    "loop_budget(*loops, p99='5 ms'): the loops act within a time in that share of their cycles",
    "repeat_until_confident(at_least=0.95, confidence=0.95, most=100): run until it is known",
)

_NEEDS = 'write for example @needs("chamber") or @needs("chamber/twin")'
_BUDGET = 'write for example @loop_budget("hold", p99="5 ms")'


class Budget(NamedTuple):
    """What a loop's timing must keep: a share of the cycles acts within a time. "": all loops."""

    loop: str
    share: float
    most: str


def needs(*names: str) -> pytest.MarkDecorator:
    """Mark a test with the devices, or device/feature, without which it is blocked."""
    return pytest.mark.needs(*names)


def on_bench(name: str) -> pytest.MarkDecorator:
    """Mark a test as one for the bench of that name."""
    return pytest.mark.on_bench(name)


def loop_budget(*loops: str, **percentiles: str) -> pytest.MarkDecorator:
    """Mark a test with what the timing of loops (all, when none is named) must keep while it runs."""
    return pytest.mark.loop_budget(*loops, **percentiles)


def repeat_until_confident(
    at_least: float = 0.95, confidence: float = 0.95, most: int = 100
) -> pytest.MarkDecorator:
    """Mark a test to be run until it is known whether it passes with at least that probability."""
    return pytest.mark.repeat_until_confident(at_least=at_least, confidence=confidence, most=most)


def check(item: pytest.Item) -> None:
    """Raise UsageError for a malformed mark."""
    needs_of(item)
    bench_of(item)
    list(budgets_of(item))
    repetition_of(item)


def needs_of(item: pytest.Item) -> list[str]:
    """Return what an item needs, that of its class and module too."""
    found: list[str] = []
    for mark in item.iter_markers("needs"):
        _texts(mark, _NEEDS)
        found += mark.args
    return list(dict.fromkeys(found))


def bench_of(item: pytest.Item) -> str | None:
    """Return the name of the bench that an item is for; None for any."""
    mark = item.get_closest_marker("on_bench")
    if mark is None:
        return None
    _texts(mark, 'write @on_bench("thermal-rig")')
    if len(mark.args) != 1:
        raise UsageError("on_bench names one bench", 'write @on_bench("thermal-rig")')
    return str(mark.args[0])


def budgets_of(item: pytest.Item) -> Iterator[Budget]:
    """Yield what the timing of loops must keep during an item."""
    for mark in item.iter_markers("loop_budget"):
        if not mark.kwargs or not all(isinstance(each, str) and each for each in mark.args):
            raise UsageError("loop_budget says no time", _BUDGET)
        for key, most in mark.kwargs.items():
            share = _share(key)
            _check_time(key, most)
            for loop in mark.args or ("",):
                yield Budget(loop, share, most)


def repetition_of(item: pytest.Item) -> PassGoal | None:
    """Return the goal of an item's repetitions; None when it runs once."""
    mark = item.get_closest_marker("repeat_until_confident")
    if mark is None:
        return None
    defaults = {"at_least": 0.95, "confidence": 0.95, "most": 100}
    if mark.args or not set(mark.kwargs) <= set(defaults):
        raise UsageError(
            "repeat_until_confident takes at_least, confidence and most",
            "write for example @repeat_until_confident(at_least=0.95, most=100)",
        )
    from testbed.session.statistics import PassGoal

    given = {**defaults, **mark.kwargs}
    try:
        return PassGoal(float(given["at_least"]), float(given["confidence"]), int(given["most"]))
    except (TypeError, ValueError) as error:
        raise UsageError(f"repeat_until_confident: {error}") from None


def _share(key: str) -> float:
    """Return what a percentile's name says: p99 is 0.99, p999 is 0.999, p100 is 1."""
    digits = key[1:]
    if not key.startswith("p") or not digits.isdigit() or not int(digits):
        raise UsageError(f"loop_budget: {key} is no percentile", _BUDGET)
    return 1.0 if digits == "100" else float(f"0.{digits}")


def _check_time(key: str, most: object) -> None:
    from testbed.bench.units import seconds

    try:
        if not isinstance(most, str) or not seconds(most) > 0:
            raise ValueError("is no time with its unit")
    except ValueError as error:
        raise UsageError(f"loop_budget: {key}={most!r}: {error}", _BUDGET) from None


def _texts(mark: pytest.Mark, example: str) -> None:
    if mark.kwargs or not mark.args or not all(isinstance(each, str) and each for each in mark.args):
        raise UsageError(f"{mark.name} takes names", example)
