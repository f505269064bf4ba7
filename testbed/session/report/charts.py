"""The charts of a session: signals with twin, setpoint and commands, and when they were not good."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from testbed.clock import NS
from testbed.control.loop import ACTED_SAFE
from testbed.session.file import Cycle, SessionReader
from testbed.session.page import CommandMarks, Curve, Times, Values, packed
from testbed.session.results import Judgement
from testbed.signals import Quality, Signal

_STRETCHES = 300  # in which a signal is not good, at most, per chart
_ADDED = ("prediction", "sigma", "residual")

Value = Callable[[Cycle], float]


@dataclass(frozen=True)
class Parts:
    """Which signals belong to each other, by their paths, as the bench was resolved when it ran."""

    twins: dict[str, str] = field(default_factory=dict)
    """Prediction by what it predicts."""
    loops: dict[str, str] = field(default_factory=dict)
    """What a loop reads, by the loop's name."""
    derived: frozenset[str] = frozenset()
    """What no device measured: predictions, residuals, estimates."""
    doubts: frozenset[str] = frozenset()
    """How sure twins were: numbers that belong to others and have no chart of their own."""

    @classmethod
    def of(cls, session: SessionReader) -> Parts:
        """Read them from a session; none when it does not hold them (it may have been imported)."""
        try:
            told = json.loads(session.attachment("bench/resolved.json"))
            models = [twin["model"] for twin in told["twins"].values() if twin["model"]]
            sensors = [sensor for model in models for sensor in _sensors(model)]
            derived = {sensor[key] for sensor in sensors for key in _ADDED if key in sensor}
            derived |= {path for model in models for path in model.get("estimates", {}).values()}
            limits = [limit for model in models for limit in model.get("foresees", {}).values()]
            derived |= {limit["seconds"] for limit in limits}
            doubts = {each["sigma"] for each in (*sensors, *limits) if "sigma" in each}
            return cls(
                {sensor["signal"]: sensor["prediction"] for sensor in sensors},
                {name: loop["reads"] for name, loop in told["loops"].items()},
                frozenset(derived | doubts),
                frozenset(doubts),
            )
        except (KeyError, ValueError, TypeError, AttributeError):
            return cls()


def _sensors(model: dict[str, Any]) -> list[dict[str, str]]:
    """Return the sensors of a twin's model; sessions of older versions have one, told otherwise."""
    return list(model["sensors"]) if "sensors" in model else [{**model, "signal": model["predicts"]}]


class Drawing:
    """Draws the curves of one session, each with at most twice `buckets` points."""

    def __init__(self, session: SessionReader, buckets: int) -> None:
        self._session = session
        self._start_ns, self._end_ns = session.span()
        self._buckets = buckets
        self._parts = Parts.of(session)
        self._setpoints: dict[str, Curve] = {}
        self.loops: list[dict[str, Any]] = []
        """A chart of the timing of each loop, in ms."""
        for loop in session.loops():
            self._follow(loop)

    def signals(self, judgements: Iterable[Judgement]) -> list[dict[str, Any]]:
        """Return the charts: those that something is expected of first, then in the order of the bench."""
        commands = self._commands()
        predictions = {*self._parts.twins.values(), *self._parts.doubts}
        expected = [each.signal for each in judgements if each.signal] + list(self._parts.loops.values())
        rank = {path: place for place, path in reversed(list(enumerate(expected)))}
        last = len(expected)
        ordered = sorted(self._session.signals, key=lambda each: rank.get(each.path, last + each.id))
        drawn = (
            self._chart(each, commands.get(each.path, [])) for each in ordered if each.path not in predictions
        )
        return [chart for chart in drawn if chart is not None]

    def _chart(self, signal: Signal, commands: list[list[float]]) -> dict[str, Any] | None:
        curve, stretches = self._signal(signal)
        if not len(curve.points()[0]):
            return None
        lines = [_line(signal.name, "a", curve, steps=signal.writable)]
        if (prediction := self._parts.twins.get(signal.path)) is not None:
            twin = next((each for each in self._session.signals if each.path == prediction), None)
            lines += [] if twin is None else [_line("twin", "difference", self._signal(twin)[0])]
        if (setpoint := self._setpoints.get(signal.path)) is not None:
            lines.append(_line("setpoint", "b", setpoint, steps=True))
        return {
            "name": signal.path,
            "title": signal.title,
            "unit": signal.unit,
            "limits": signal.limits,
            "lines": lines,
            "commands": commands,
            "bad": stretches,
        }

    def _signal(self, signal: Signal) -> tuple[Curve, list[list[Any]]]:
        """Return the curve of a signal, and [from, to (None: to the end), reason] where it was not good."""
        curve = self._curve()
        turns = list(self._session.turns(signal.id))
        stretches: list[list[Any]] = []
        for chunk in self._session.signal_chunks(signal.id):
            times, values = np.array(chunk.times), np.array(chunk.values)
            qualities = np.frombuffer(chunk.qualities, np.uint8)
            values[(qualities == Quality.BAD) | ~np.isfinite(values)] = np.nan
            curve.add(times - self._start_ns, values)
            begin = bisect_left(turns, (chunk.first,))
            for number, quality, reason in turns[begin : bisect_left(turns, (chunk.first + len(times),))]:
                self._turn(stretches, int(times[number - chunk.first]), quality, reason)
        return curve, stretches[:_STRETCHES]

    def _turn(self, stretches: list[list[Any]], time_ns: int, quality: int, reason: str) -> None:
        if stretches and stretches[-1][1] is None:
            stretches[-1][1] = self._seconds(time_ns)
        if quality != Quality.GOOD:
            stretches.append([self._seconds(time_ns), None, f"{Quality(quality).word}: {reason}"])

    def _follow(self, loop: str) -> None:
        """Draw a loop's setpoint and its timing."""
        setpoint, late, latency = (self._curve() for _ in range(3))
        wanted: list[tuple[Curve, Value]] = [
            (setpoint, lambda cycle: cycle.setpoint),
            (late, lambda cycle: cycle.lateness_ns / 1e6),
            (latency, _latency_ms),
        ]
        held: list[Cycle] = []
        for cycle in self._session.cycles(loop):
            held.append(cycle)
            if len(held) == 10_000:
                self._add(held, wanted)
        self._add(held, wanted)
        self._setpoints.setdefault(self._parts.loops.get(loop, ""), setpoint)
        lines = [_line("late", "b", late), _line("sample to actuation", "a", latency)]
        chart = {"name": f"loop {loop}", "title": "timing", "unit": "ms", "limits": None}
        self.loops.append({**chart, "lines": lines, "commands": [], "bad": []})

    def _add(self, held: list[Cycle], wanted: list[tuple[Curve, Value]]) -> None:
        times = np.array([cycle.time_ns - self._start_ns for cycle in held], np.int64)
        for curve, value in wanted:
            values = np.array([value(cycle) for cycle in held], np.float64)
            curve.add(times[np.isfinite(values)], values[np.isfinite(values)])
        held.clear()

    def _commands(self) -> dict[str, list[list[float]]]:
        marks = CommandMarks(self._start_ns, 0, self._end_ns - self._start_ns, self._buckets)
        for command in self._session.commands():
            marks.add(self._session.signals[command.signal].path, command)
        return marks.packed()

    def _curve(self) -> Curve:
        return Curve(0, self._end_ns - self._start_ns, self._buckets)

    def _seconds(self, time_ns: int) -> float:
        return (time_ns - self._start_ns) / NS


def _latency_ms(cycle: Cycle) -> float:
    done_ns = cycle.acknowledged_ns if cycle.acknowledged_ns >= 0 else cycle.latency_ns
    return done_ns / 1e6 if done_ns >= 0 and not cycle.flags & ACTED_SAFE else float("nan")


def _line(label: str, colour: str, curve: Curve, *, steps: bool = False) -> dict[str, Any]:
    points = _corners(*curve.points()) if steps else curve.points()
    return {"label": label, "colour": colour, "steps": steps, "curve": packed(*points)}


def _corners(times: Times, values: Values) -> tuple[Times, Values]:
    """Return the points between which a line of steps does not change."""
    if len(values) < 3:
        return times, values
    same = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
    kept = np.concatenate(([True], ~(same[1:] & same[:-1]), [True]))
    return times[kept], values[kept]
