"""What counts as the same: what is compared, how far values may differ, how far times may."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from testbed.bench import nearest, units
from testbed.errors import UsageError
from testbed.links import Direction
from testbed.signals import Signal

_EXAMPLE = 'write for example: probe.temperature="0.5 K,1%", "*.humidity"=2, fan.current=ignore'
_LONGEST_NS = 600 * 10**9

IGNORE = "ignore"
"""The tolerance of a signal that is left out."""

Mask = Callable[[str, Direction, bytes], bytes]
"""Called with device, direction and bytes of a frame; returns what of it is compared."""


class Kind(StrEnum):
    """What of a session can be compared."""

    FRAMES = "frames"
    SAMPLES = "samples"
    COMMANDS = "commands"
    EVENTS = "events"

    @property
    def has_values(self) -> bool:
        """Whether its records have a value, in a unit."""
        return self in (Kind.SAMPLES, Kind.COMMANDS)

    @property
    def one(self) -> str:
        """What one of them is called."""
        return self.value[:-1]


@dataclass(frozen=True)
class Tolerance:
    """How far two values may differ: `absolute` (in the signal's unit) or `relative` (a share), if more."""

    absolute: float = 0.0
    relative: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether values must be equal."""
        return not self.absolute and not self.relative


@dataclass(frozen=True)
class Rules:
    """How two sessions are compared.

    Without tolerances and `within_ns` the comparison is strict: the records of both must be equal one by
    one, with their times. Otherwise a record needs one of its kind in the other session within `within_ns` of
    its time, and the other way round. Times count from the start of each session; with `absolute`, both from
    the start of the first.

    `tolerances` are (pattern, text) pairs; of those that fit a signal's path the last one counts.
    `mask` is applied to frames before they are compared.
    """

    tolerances: tuple[tuple[str, str], ...] = ()
    within_ns: int = 0
    absolute: bool = False
    kinds: frozenset[Kind] = field(default_factory=frozenset)
    mask: Mask | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.within_ns <= _LONGEST_NS:
            raise UsageError(
                f"times may differ by 0 to {_LONGEST_NS / 1e9:g} s, not {self.within_ns / 1e9:g} s"
            )

    @property
    def strict(self) -> bool:
        """Whether every record must be equal, with its time."""
        return not self.tolerances and not self.within_ns

    @property
    def compared(self) -> list[Kind]:
        """What is compared: what was asked for, else all; frames only where values must be equal."""
        return [
            kind
            for kind in Kind
            if (kind in self.kinds if self.kinds else kind is not Kind.FRAMES or not self.tolerances)
        ]

    def tolerance(self, signal: Signal) -> Tolerance | None:
        """Return how far a signal may differ, None if it is left out; raises UsageError for a wrong unit."""
        found = "0"
        for pattern, text in self.tolerances:
            if fnmatchcase(signal.path, pattern):
                found = text
        try:
            return None if found.strip() == IGNORE else read_tolerance(found, signal.unit)
        except ValueError as error:
            raise UsageError(f"tolerance of {signal.path}: {error}", _EXAMPLE) from None

    def check(self, signals: Iterable[Signal]) -> None:
        """Raise UsageError for a tolerance that is of no signal, or does not fit one."""
        known = {signal.path: signal for signal in signals}
        for pattern, _ in self.tolerances:
            if not any(fnmatchcase(path, pattern) for path in known):
                raise UsageError(f"neither session has a signal {pattern!r}", nearest(pattern, known))
        for signal in known.values():
            self.tolerance(signal)


def read_tolerance(text: str, unit: str) -> Tolerance:
    """Read `ABSOLUTE[,RELATIVE%]` for a signal in `unit`; raises ValueError saying what does not fit."""
    first, comma, second = text.partition(",")
    absolute = units.convert(first, unit, difference=True) if first.strip() else 0.0
    relative = units.convert(second, "%") / 100 if comma else 0.0
    if absolute < 0 or relative < 0:
        raise ValueError(f"{text!r} is below 0")
    return Tolerance(absolute, relative)


def split_tolerance(text: str) -> tuple[str, str]:
    """Split `SIGNAL=TOLERANCE`; raises UsageError when it has another form."""
    signal, equals, tolerance = text.partition("=")
    if not (equals and signal.strip() and tolerance.strip()):
        raise UsageError(f"{text!r} is no tolerance", _EXAMPLE)
    return signal.strip(), tolerance.strip()
