"""Compares two recordings: whole columns first, then the records where they part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from testbed.errors import UsageError
from testbed.session.file import utc_text
from testbed.session.file.rows import finite
from testbed.signals import Signal

from .difference import Difference, describe_difference
from .findings import Findings, Spot
from .judging import judge
from .recording import Recording
from .rules import IGNORE, Kind, Rules
from .tracks import OF_THE_MACHINE, Track, Tracks

SAME = "same"
DIVERGED = "diverged"

Progress = Callable[[int, int], None]
"""Called with how many tracks are compared, and how many there are."""


@dataclass(frozen=True)
class Comparison:
    """What comparing `a` with `b` came to: findings by track, and where they part first."""

    a: Recording
    b: Recording
    rules: Rules
    findings: dict[Kind, dict[str, Findings]]
    first: Difference | None
    left_out: list[str] = field(default_factory=list)
    """What was not compared, in words."""

    @property
    def verdict(self) -> str:
        """SAME or DIVERGED."""
        return SAME if self.first is None else DIVERGED

    @property
    def signals(self) -> dict[str, Signal]:
        """All signals of both by their path."""
        return {signal.path: signal for signal in (*self.b.signals, *self.a.signals)}

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values, times in seconds since the start (see Rules.absolute)."""
        told = {
            kind: {name: found.as_dict(kind.has_values) for name, found in self.of(kind).items()}
            for kind in Kind
        }
        plain: dict[str, Any] = finite(
            {
                "verdict": self.verdict,
                "a": _told(self.a),
                "b": _told(self.b),
                "first": self.first.as_dict() if self.first else None,
                "signals": told[Kind.SAMPLES],
                "frames": told[Kind.FRAMES],
                "commands": told[Kind.COMMANDS],
                "events": told[Kind.EVENTS].get("events"),
                "strict": self.rules.strict,
                "within_s": self.rules.within_ns / 1e9,
                "compared": [kind.value for kind in self.rules.compared],
                "not_compared": self.left_out,
            }
        )
        return plain

    def of(self, kind: Kind) -> dict[str, Findings]:
        """Return the findings of one kind by device, signal or "events"."""
        return self.findings.get(kind, {})


def compare(
    a: Recording, b: Recording, rules: Rules | None = None, progress: Progress | None = None
) -> Comparison:
    """Compare what came (`b`) with what was expected (`a`); without rules, strictly.

    Raises UsageError for a tolerance that fits no signal and for a signal that has another unit in each,
    DamagedInput when a session is not whole.
    """
    rules = rules or Rules()
    rules.check((*a.signals, *b.signals))
    _check_units(a, b, rules)
    tracks = Tracks(a, b, rules)
    findings: dict[Kind, dict[str, Findings]] = {}
    parted: list[tuple[Track, Spot]] = []
    wanted = tracks.all()
    for done, track in enumerate(wanted):
        if progress is not None:
            progress(done, len(wanted))
        found = judge(track, tracks)
        if found.a or found.b:
            findings.setdefault(track.kind, {})[track.name] = found
        if found.first is not None:
            parted.append((track, found.first))
    first = _first(parted, tracks)
    if progress is not None:
        progress(len(wanted), len(wanted))
    return Comparison(a, b, rules, findings, first, _left_out(a, b, rules))


def _check_units(a: Recording, b: Recording, rules: Rules) -> None:
    units = {signal.path: signal.unit for signal in a.signals}
    for signal in b.signals:
        unit = units.get(signal.path, signal.unit)
        if unit != signal.unit and rules.tolerance(signal) is not None:
            message = f"{signal.path} is in {unit!r} in {a.name} and in {signal.unit!r} in {b.name}"
            raise UsageError(message, f"leave it out: --tolerance {signal.path}={IGNORE}")


def _first(parted: list[tuple[Track, Spot]], tracks: Tracks) -> Difference | None:
    """Return the first difference in time; of several at one time, the cause.

    The bytes that came cause a sample, that causes a command, and that causes the bytes that were sent.
    """
    if not parted:
        return None
    time_ns = min(spot.time_ns for _, spot in parted)
    at_once = [(track, spot) for track, spot in parted if spot.time_ns == time_ns]
    frames = [describe_difference(*each, tracks) for each in at_once if each[0].kind is Kind.FRAMES]
    others = [each for each in at_once if each[0].kind is not Kind.FRAMES]
    came = [each for each in frames if not _was_sent(each)]
    if came or not others:
        return (came or frames)[0]
    return describe_difference(*min(others, key=lambda each: each[0].rank), tracks)


def _was_sent(difference: Difference) -> bool:
    record = difference.expected or difference.came or {}
    return record.get("direction") == "tx"


def _left_out(a: Recording, b: Recording, rules: Rules) -> list[str]:
    compared = rules.compared
    words = [kind.value for kind in Kind if kind not in compared]
    signals = {signal.path: signal for signal in (*b.signals, *a.signals)}
    words += [f"{path} ({IGNORE})" for path, signal in signals.items() if rules.tolerance(signal) is None]
    words += ["texts of events", "timing of loop cycles", "metadata and attachments"]
    if not rules.strict:
        words += ["reasons and values of bad samples", f"{OF_THE_MACHINE} ticks"]
        words += ["when commands were sent, settled and due"] if Kind.COMMANDS in compared else []
    return words


def _told(recording: Recording) -> dict[str, Any]:
    start_ns, end_ns = recording.span
    return {
        "session": recording.name,
        "started": utc_text(start_ns),
        "duration_s": (end_ns - start_ns) / 1e9,
    }
