"""One word for each device: online, degraded once a signal of it has been bad for longer than a moment."""

from __future__ import annotations

import math
from types import SimpleNamespace

from hil_tests.support.hand_clock import HandClock
from testbed.control import Supervision
from testbed.drivers import LinkState
from testbed.signals import Access, Event, Quality, Sample, Signal
from testbed.twin import Mirror

SPEED = Signal(0, "fan", "speed", "rpm")
CURRENT = Signal(1, "fan", "current", "A")
PWM = Signal(2, "fan", "pwm", "%", Access.WRITE)


class Bench:
    """A fan whose driver is a word, and what was told."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.events: list[Event] = []
        self.driver = SimpleNamespace(state=LinkState.ONLINE)
        self.mirror = Mirror([SPEED, CURRENT, PWM], self.clock, self.say)
        self.supervision = Supervision(
            {"fan": self.driver}, self.mirror, self.clock, self.events.append,  # type: ignore[dict-item]
        )  # fmt: skip
        self.supervision.start()

    def say(self, sample: Sample) -> None:
        self.mirror.observe(sample)

    def good(self, signal: Signal) -> None:
        self.say(Sample(signal.id, self.clock.now(), 1.0))

    def bad(self, signal: Signal) -> None:
        self.say(Sample(signal.id, self.clock.now(), math.nan, Quality.BAD, "no answer"))

    @property
    def word(self) -> str:
        return self.supervision.standing["fan"]

    @property
    def told(self) -> list[str]:
        return [event.text for event in self.events]


def test_what_is_bad_for_a_moment_only_is_no_degradation():
    bench = Bench()
    bench.good(SPEED)
    bench.bad(SPEED)
    bench.clock.move(0.9)
    bench.good(SPEED)
    bench.clock.move(5)
    assert (bench.word, bench.told) == ("online", [])


def test_a_signal_that_stays_bad_degrades_its_device_which_is_told_once_and_so_is_the_end_of_it():
    bench = Bench()
    bench.good(SPEED)
    bench.good(CURRENT)
    bench.bad(CURRENT)
    for _ in range(10):
        bench.clock.move(0.5)
        bench.bad(CURRENT)
        bench.good(SPEED)
    assert bench.word == "degraded"
    bench.good(CURRENT)
    bench.clock.move(3)
    assert bench.word == "online"
    assert bench.told == ["fan is degraded: fan.current: no answer", "fan is whole again"]


def test_a_signal_that_was_never_good_does_not_count():
    bench = Bench()
    bench.bad(CURRENT)
    bench.clock.move(10)
    assert (bench.word, bench.told) == ("online", [])


def test_a_device_that_is_lost_is_offline_and_no_more_degraded():
    bench = Bench()
    bench.good(SPEED)
    bench.bad(SPEED)
    bench.clock.move(3)
    assert bench.word == "degraded"
    bench.driver.state = LinkState.OFFLINE
    bench.clock.move(1)
    assert bench.word == "offline"
    bench.driver.state = LinkState.ONLINE
    bench.good(SPEED)
    bench.clock.move(3)
    assert bench.told == ["fan is degraded: fan.speed: no answer"]
