"""While an interlock is tripped its actuators are at their safe values, and stay there."""

from __future__ import annotations

import math

from hil_tests.support.hand_clock import HandClock
from testbed.bench import Interlock
from testbed.bench.condition_text import parse_condition
from testbed.signals import Access, Command, Event, Outcome, Priority, Sample, Signal
from testbed.twin.guard import Interlocks

SECOND = 1_000_000_000
HEATER = Signal(0, "chamber", "heater", "%", Access.WRITE, limits=(0, 100), safe=0.0)
DOOR = Signal(1, "chamber", "door_open")
AIR = Signal(2, "chamber", "temperature", "degC")
PATHS = {signal.path: signal for signal in (HEATER, DOOR, AIR)}


class Bench:
    """A heater with interlocks, what its sensors say, and what was driven and told."""

    def __init__(self, when: str, reset: str | None = None, *, latch: bool = False) -> None:
        self.clock = HandClock()
        self.values: dict[int, float] = {}
        self.driven: list[Command] = []
        self.events: list[Event] = []
        self.online = True
        read = parse_condition(when, PATHS.__getitem__)
        again = None if reset is None else parse_condition(reset, PATHS.__getitem__)
        self.interlocks = Interlocks(
            [Interlock("guard", when, read, again, (HEATER,), latch)],
            lambda signal: self.values.get(signal.id, math.nan),
            self.clock, self.drive, lambda signal: self.online, self.events.append,
        )  # fmt: skip
        self.interlocks.start()

    def drive(self, signal: Signal, requester: str) -> Command:
        command = Command(signal.id, 0.0, requester, 0, SECOND, priority=Priority.SAFE)
        self.driven.append(command)
        return command

    def say(self, signal: Signal, value: float) -> None:
        self.values[signal.id] = value
        self.interlocks.observe(Sample(signal.id, self.clock.now(), value))

    def objection(self, value: float = 50.0) -> str | None:
        finding = self.interlocks.look(HEATER, Command(0, value, "loop hold", 0, SECOND), 0)
        return None if finding is None else finding.reason

    @property
    def told(self) -> list[str]:
        return [event.text for event in self.events]


def test_given_its_condition_is_not_known_yet_then_commands_wait_and_nothing_is_told():
    bench = Bench("chamber.door_open")
    assert bench.objection() == (
        "chamber.heater: interlock guard keeps it at its safe value: what it asks for is not known yet"
    )
    assert bench.objection(0.0) is None
    assert (bench.told, bench.driven) == ([], [])


def test_when_its_condition_comes_to_hold_then_it_drives_to_safety_and_lets_nothing_pass():
    bench = Bench("chamber.door_open")
    bench.say(DOOR, 0.0)
    assert bench.objection() is None
    bench.say(DOOR, 1.0)
    assert bench.told == ["interlock guard trips: chamber.door_open; chamber.heater goes to its safe value"]
    assert [command.requester for command in bench.driven] == ["interlock guard"]
    assert bench.objection() == (
        "chamber.heater: interlock guard keeps it at its safe value: chamber.door_open"
    )


def test_when_its_condition_is_over_then_it_lets_go():
    bench = Bench("chamber.door_open")
    bench.say(DOOR, 1.0)
    bench.say(DOOR, 0.0)
    assert bench.objection() is None
    assert bench.told[-1] == "interlock guard lets go: it does not hold any more"


def test_with_a_reset_condition_it_lets_go_only_once_that_holds():
    bench = Bench("chamber.temperature above 80 degC", "chamber.temperature below 60 degC")
    for value, passes in (
        (70.0, False),
        (50.0, True),
        (79.0, True),
        (81.0, False),
        (70.0, False),
        (59.0, True),
    ):
        bench.say(AIR, value)
        assert (bench.objection() is None) is passes, value


def test_one_with_a_latch_waits_for_a_person():
    bench = Bench("chamber.door_open", latch=True)
    bench.say(DOOR, 0.0)
    bench.say(DOOR, 1.0)
    assert bench.interlocks.reset("guard", "alice") == (
        "interlock guard cannot be reset: 'chamber.door_open' still holds"
    )
    bench.say(DOOR, 0.0)
    assert bench.objection() is not None
    assert bench.interlocks.reset("guard", "alice") == ""
    assert bench.objection() is None
    assert bench.told[-1] == "interlock guard lets go: alice resets it"


def test_when_its_sensor_is_lost_it_trips_as_if_it_held():
    bench = Bench("chamber.temperature above 80 degC")
    bench.say(AIR, 20.0)
    bench.say(AIR, math.nan)
    assert len(bench.driven) == 1
    assert bench.told[-1].startswith(
        "interlock guard trips: 'chamber.temperature above 80 degC' is not known any more"
    )


def test_a_safe_value_that_was_not_taken_is_driven_again_until_it_is():
    bench = Bench("chamber.door_open")
    bench.say(DOOR, 1.0)
    bench.driven[0].finish(Outcome.FAILED, 0, "no answer")
    bench.online = False
    bench.clock.move(1.0)
    assert len(bench.driven) == 1  # nothing would reach it
    bench.online = True
    bench.clock.move(1.0)
    assert len(bench.driven) == 2
    bench.driven[1].finish(Outcome.ACKNOWLEDGED, 0)
    bench.clock.move(1.0)
    assert len(bench.driven) == 2
    assert bench.interlocks.standing == {"guard": "tripped"}
