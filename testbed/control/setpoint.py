"""Where a loop is to bring what it reads: a fixed value, one on a course, or one that takes commands."""

from __future__ import annotations

from collections.abc import Callable

from testbed.bench import Leg, Loop
from testbed.clock import Clock
from testbed.drivers import LinkState
from testbed.signals import Command, Event, Level, Outcome, Sample

from .course import Course


class Setpoint:
    """The setpoint of one loop. One that moves is a signal: by commands, or with a sample for each cycle.

    It takes commands as a device does, once they are judged: from an outer loop (a cascade), from a person
    who has it in hand, from a test.
    """

    command_timeout = 1.0
    """How long a command to it may take, in s; it takes none."""

    def __init__(
        self,
        spec: Loop,
        clock: Clock,
        publish: Callable[[Sample], None],
        report: Callable[[Event], None],
        follows: Callable[[], bool],
    ) -> None:
        """`follows` says whether the loop acts by it now: an outer loop rests while it does not."""
        moving = spec.moving
        self._spec = spec
        self._clock = clock
        self._publish = publish
        self._report = report
        self._follows = follows
        self._signal = None if moving is None else moving.signal
        self._course = Course(moving.legs, moving.start) if moving is not None and moving.legs else None
        self._base = spec.setpoint if moving is None or moving.start is None else moving.start
        self.shift = 0.0
        """What an integrated twin that asks something adds to it for a while, in its unit."""
        self.pushing = 0
        """1 or -1 while its loop could do no more if it were higher, or lower; else 0."""

    @property
    def value(self) -> float:
        """Where it is now."""
        return self._base + self.shift

    @property
    def state(self) -> LinkState:
        """Whether commands to it have an effect."""
        return LinkState.ONLINE if self._follows() else LinkState.OFFLINE

    def start(self) -> None:
        """Tell where it begins, unless that depends on what will be measured."""
        if self._course is None or self._spec.moving is None or self._spec.moving.start is not None:
            self._tell(self._clock.now())

    def follow(self, sample: Sample, dt: float) -> float:
        """Return where it is at a sample, `dt` seconds after the one that was asked about last."""
        if self._course is not None:
            leg = self._course.leg
            self._base = self._course.advance(sample.value, dt)
            self._tell(sample.time_ns)
            if self._course.leg != leg:
                self._tell_leg(sample.time_ns, self._course)
        return self.value

    def submit(self, command: Command) -> None:
        """Go where a command that passed the guard says."""
        now = self._clock.now()
        self._base = command.value
        command.sent_ns = now
        command.finish(Outcome.ACKNOWLEDGED, now)

    def _tell(self, time_ns: int) -> None:
        if self._signal is not None:
            self._publish(Sample(self._signal.id, time_ns, self._base))

    def _tell_leg(self, time_ns: int, course: Course) -> None:
        name, value = self._spec.name, f"{self._base:g} {self._spec.reads.unit}".rstrip()
        if course.over:
            text = f"loop {name}: its profile is done; it stays at {value}"
        else:
            text = f"loop {name}: {leg_text(course.now, self._spec.reads.unit)}, from {value}"
        self._report(Event(time_ns, Level.INFO, name, "profile", text))


def leg_text(leg: Leg, unit: str) -> str:
    """Return what a leg does, for people."""
    if leg.to is None:
        return f"it holds for {leg.seconds:g} s"
    to = f"{leg.to:g} {unit}".rstrip()
    return f"it goes to {to} in {leg.seconds:g} s" if leg.seconds is not None else f"it goes to {to}"
