"""Checks of formulas in signal temporal logic, by rtamt: how far a signal is from breaking one, in its unit.

O. Maler, D. Nickovic, FORMATS 2004 (the logic); D. Nickovic, T. Yamaguchi, ATVA 2020 (rtamt).
"""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Callable
from typing import Any

from testbed.bench.units import seconds
from testbed.errors import TestbedError, UsageError
from testbed.signals import Sample, Signal

from .check import Check

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")
_INTERVAL = re.compile(r"\[([^\[\]:,]+)[:,]([^\[\]:,]+)\]")
_OPERATORS = (
    "always",
    "eventually",
    "historically",
    "once",
    "since",
    "unless",
    "until",
    "G",
    "F",
    "H",
    "O",
    "U",
    "S",
)
_OTHERS = ("abs", "and", "exp", "false", "iff", "implies", "not", "or", "pow", "sqrt", "true", "xor")
_KEYWORDS = frozenset({*_OPERATORS, *_OTHERS})
_EXAMPLE = "write for example: always[0:10 s](temperature < 62)"


class Formula:
    """A formula of signals, read; it must be watched for `horizon_ns` to be judged at its beginning."""

    def __init__(self, text: str, find: Callable[[str], Signal]) -> None:
        """Read it. `find` returns the signal of a name (device.signal or signal) or raises UsageError.

        Raises UsageError for what is no formula, TestbedError where rtamt is not installed.
        """
        self.text = text
        self.signals: dict[str, Signal] = {}

        def variable(match: re.Match[str]) -> str:
            name = match[0]
            if name in _KEYWORDS:
                return name
            signal = find(name)
            self.signals.setdefault(f"s{signal.id}", signal)
            return f"s{signal.id}"

        timed = _INTERVAL.sub(_in_seconds, text)
        bounds = [match.span() for match in _INTERVAL.finditer(timed)]
        plain = _NAME.sub(lambda match: match[0] if _within(match, bounds) else variable(match), timed)
        if not self.signals:
            raise UsageError(f"{text!r} speaks of no signal", _EXAMPLE)
        self._specification, horizon = _parse(text, plain, self.signals)
        self.horizon_ns = round(horizon * 1e9)

    def robustness(self, columns: dict[str, list[list[float]]]) -> float:
        """Return how far it is from failing at time 0 (negative: failed); columns of [second, value]."""
        given = [[name, column] for name, column in columns.items()]
        return float(self._specification.evaluate(*given)[0][1])


class Satisfies(Check):
    """A formula holds at the moment from which all its signals are known; margin is its robustness."""

    def __init__(self, text: str, formula: Formula) -> None:
        signals = tuple(formula.signals.values())
        units = {signal.unit for signal in signals}
        super().__init__(text, *signals, unit=units.pop() if len(units) == 1 else "")
        self._formula = formula
        self._names = {signal.id: name for name, signal in formula.signals.items()}
        self._columns: dict[str, list[tuple[int, float]]] = {name: [] for name in formula.signals}
        self._missing = set(formula.signals)
        self._begun_ns = 0

    def started(self) -> None:
        """Be decided when it has been watched for long enough."""
        self.due_ns = self.since_ns + self._formula.horizon_ns

    def good(self, sample: Sample) -> None:
        """Keep a sample."""
        name = self._names[sample.signal]
        self._columns[name].append((sample.time_ns, sample.value))
        if name in self._missing:
            self._missing.discard(name)
            self._begun_ns = sample.time_ns
            self.due_ns = self._begun_ns + self._formula.horizon_ns

    def expire(self) -> None:
        """Decide."""
        if self._missing:
            self.good_count = 0
            self.nothing_came()
            return
        end = self._formula.horizon_ns / 1e9
        columns = {name: self._column(kept, end) for name, kept in self._columns.items()}
        self.margin = self._formula.robustness(columns)
        if self.margin >= 0:
            self.pass_(math.inf)
        else:
            self.fail(self.due_ns, f"robustness {self.quantity(self.margin)}")

    def _column(self, kept: list[tuple[int, float]], end: float) -> list[list[float]]:
        """Return a column of [second, value] from 0 to the end; at one time the newest counts."""
        held: dict[float, float] = {}
        for time_ns, value in kept:
            held[max((time_ns - self._begun_ns) / 1e9, 0.0)] = value
        last = next(reversed(held.values()))
        # rtamt takes a value to hold until the next one; it needs one behind the end.
        return [*map(list, held.items()), *([[end, last]] if end not in held else []), [end + 1.0, last]]


def _in_seconds(match: re.Match[str]) -> str:
    """Return an interval of time in plain seconds."""
    try:
        low, high = (seconds(_plain(each.strip())) for each in match.groups())
    except ValueError as error:
        raise UsageError(f"{match[0]} is no interval of time: {error}", _EXAMPLE) from None
    if not 0 <= low <= high:
        raise UsageError(f"{match[0]} is no interval of time: it ends before it begins", _EXAMPLE)
    return f"[{low:.9g}:{high:.9g}]"


def _plain(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _within(match: re.Match[str], bounds: list[tuple[int, int]]) -> bool:
    return any(low <= match.start() < high for low, high in bounds)


def _parse(text: str, plain: str, names: dict[str, Signal]) -> tuple[Any, float]:
    rtamt, horizon_of, problem = _rtamt()
    specification = rtamt.StlDenseTimeSpecification()
    for name in names:
        specification.declare_var(name, "float")
    specification.spec = plain
    try:
        specification.parse()
        horizon = float(horizon_of().visit(specification.ast.specs[0], None))
    except problem as error:
        told = str(error).removeprefix("RTAMT Exception: ")
        if "unbounded" in told:
            raise UsageError(f"{text!r} has no end, and a test has one", _EXAMPLE) from None
        raise UsageError(f"{text!r} is no formula: {told}", _EXAMPLE) from None
    return specification, horizon


def _rtamt() -> tuple[Any, Any, type[Exception]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its parser's runtime is older than Python 3.11
        try:
            import rtamt
            from rtamt.exception.exception import RTAMTException
            from rtamt.pastifier.stl.horizon import StlHorizon
        except ImportError as error:
            raise TestbedError(
                f"formulas are judged by rtamt, which cannot be used here: {error}",
                "install it with: pip install 'hil-testbed[formulas]'",
            ) from error
    logging.getLogger("rtamt").setLevel(logging.ERROR)
    return rtamt, StlHorizon, RTAMTException
