"""What marks of a test say, read once when tests are collected; a malformed one is a usage error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from testbed.errors import UsageError

if TYPE_CHECKING:
    from .repeating import Goal

LINES = (
    "needs(*names): devices (or device/feature) without which a test is blocked; default: all",
    "on_bench(name): this test is for the bench of that name, and skipped on others",
    "loop_budget(*loops, p99='5 ms'): the loops act within a time in that share of their cycles",
    "repeat_until_confident(at_least=0.95, confidence=0.95, most=100): run until it is known"
    " whether it passes that often; (mean='rise time', within='0.2 s'): what the mean is",
)

_NEEDS = 'write for example @needs("chamber") or @needs("chamber/twin")'
_REPEAT = 'write @repeat_until_confident(at_least=0.95) or (mean="rise time", within="0.2 s")'
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
    at_least: float | None = None,
    *,
    mean: str | None = None,
    within: str | None = None,
    confidence: float = 0.95,
    most: int = 100,
) -> pytest.MarkDecorator:
    """Mark a test to be run until something of it is known well enough.

    With `at_least`: whether it passes with at least that probability (0.95). With `mean`, the name of a
    measurement, and `within`, a quantity: what its mean is, to that width from end to end.
    """
    given = {"at_least": at_least, "mean": mean, "within": within}
    said = {key: value for key, value in given.items() if value is not None}
    return pytest.mark.repeat_until_confident(**said, confidence=confidence, most=most)


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


def repetition_of(item: pytest.Item) -> Goal | None:
    """Return the goal of an item's repetitions, with nothing counted; None when it runs once."""
    mark = item.get_closest_marker("repeat_until_confident")
    if mark is None:
        return None
    given = {"confidence": 0.95, "most": 100, **mark.kwargs}
    if mark.args or not set(given) <= {"at_least", "mean", "within", "confidence", "most"}:
        raise UsageError(
            "repeat_until_confident takes at_least, or mean and within; confidence, most", _REPEAT
        )
    from testbed.session.statistics import MeanGoal, PassGoal

    from .repeating import Averaging, Passing

    try:
        confidence, most = float(given["confidence"]), int(given["most"])
        if "mean" not in given and "within" not in given:
            return Passing(PassGoal(float(given.get("at_least", 0.95)), confidence, most))
        width, unit = _width(given)
        return Averaging(given["mean"], MeanGoal(width, confidence, min(10, most), most), unit)
    except (TypeError, ValueError) as error:
        raise UsageError(f"repeat_until_confident: {error}", _REPEAT) from None


def _width(given: dict[str, Any]) -> tuple[float, str]:
    """Return the width to which a mean is to be known, and its unit."""
    from testbed.bench.units import check_unit, split_quantity

    if "at_least" in given or not all(isinstance(given.get(key), str) for key in ("mean", "within")):
        raise ValueError("a mean needs the name of a measurement and a width with its unit, and no at_least")
    width, unit = split_quantity(given["within"])
    return width, check_unit(unit) if unit else unit


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
