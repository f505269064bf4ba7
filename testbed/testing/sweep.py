"""One test over many parameters: a grid of them, or a random design that fills their space."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from testbed.errors import UsageError

MARKER = "swept(*names): the parameters of this test that a sweep chose; set by @sweep"

_EXAMPLE = "write for example: @sweep(kp=[10, 20, 40]) or @sweep(kp=between(10, 40), runs=20, seed=1)"
_MOST = 100_000

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Between:
    """Any number from `low` to `high`; with `log`, each ratio is as likely as any other."""

    low: float
    high: float
    log: bool = False

    def at(self, share: float) -> float:
        """Return the value at a share of the way, 0 to 1."""
        if self.log:
            return float(self.low * math.pow(self.high / self.low, share))
        return self.low + (self.high - self.low) * share


def between(low: float, high: float, *, log: bool = False) -> Between:
    """Return the range of a parameter in a random design; raises UsageError for an empty one."""
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(f"between {low:g} and {high:g} there is nothing to choose from", _EXAMPLE)
    if log and low <= 0:
        raise UsageError(f"a logarithmic range cannot begin at {low:g}", "begin above 0, or leave out log")
    return Between(low, high, log)


def sweep(
    *, runs: int | None = None, seed: int = 0, **parameters: Sequence[Any] | Between
) -> Callable[[Test], Test]:
    """Run a test once for each choice of its parameters, which it takes as arguments.

    Lists alone are a grid: every value with every other. With `runs`, that many choices are made at
    random by `seed`: a Latin hypercube, so that each parameter alone is spread evenly over its range
    or list. A range (`between`) needs `runs`. Raises UsageError for what cannot be swept.
    """
    names = tuple(parameters)
    chosen = list(_choices(parameters, runs, seed))
    ids = _ids(names, chosen)

    def mark(test: Test) -> Test:
        for marker in (pytest.mark.parametrize(names, chosen, ids=ids), pytest.mark.swept(*names)):
            test = marker(test)
        return test

    return mark


def parameters_of(item: pytest.Item) -> dict[str, Any]:
    """Return the parameters that a sweep chose for an item."""
    names = [name for marker in item.iter_markers("swept") for name in marker.args]
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return {name: given[name] for name in names if name in given}


def _choices(
    parameters: dict[str, Sequence[Any] | Between], runs: int | None, seed: int
) -> Iterator[tuple[Any, ...]]:
    _check(parameters, runs)
    if runs is None:
        return itertools.product(
            *(list(values) for values in parameters.values() if not isinstance(values, Between))
        )
    from scipy.stats.qmc import LatinHypercube

    shares = LatinHypercube(len(parameters), rng=seed).random(runs).tolist()
    return (
        tuple(_pick(values, share) for values, share in zip(parameters.values(), row, strict=True))
        for row in shares
    )


def _pick(values: Sequence[Any] | Between, share: float) -> Any:
    return values.at(share) if isinstance(values, Between) else values[int(share * len(values))]


def _check(parameters: dict[str, Sequence[Any] | Between], runs: int | None) -> None:
    if not parameters:
        raise UsageError("a sweep without parameters", _EXAMPLE)
    for name, values in parameters.items():
        if isinstance(values, Between):
            if runs is None:
                raise UsageError(
                    f"sweep: {name} is a range, and nothing says how many runs to make", _EXAMPLE
                )
        elif isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not len(values):
            raise UsageError(f"sweep: {name} must be a list of values or a range, not {values!r}", _EXAMPLE)
    count = math.prod(map(_size, parameters.values())) if runs is None else runs
    if not 1 <= count <= _MOST:
        raise UsageError(f"a sweep of {count} runs", f"make it 1 to {_MOST}; with runs=, a part is chosen")


def _size(values: Sequence[Any] | Between) -> int:
    return 1 if isinstance(values, Between) else len(values)


def _ids(names: Sequence[str], chosen: list[tuple[Any, ...]]) -> list[str]:
    """Return a readable id for each choice; numbered where two would be called the same."""
    plain = [
        "-".join(f"{name}={short(value)}" for name, value in zip(names, row, strict=True)) for row in chosen
    ]
    if len(set(plain)) == len(plain):
        return plain
    return [f"{number}-{text}" for number, text in enumerate(plain)]


def short(value: Any) -> str:
    """Return a value as ids and reports show it; nothing in it differs from process to process."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if value is None or isinstance(value, (bool, int, str)):
        return str(value)
    return str(getattr(value, "__name__", type(value).__name__))
