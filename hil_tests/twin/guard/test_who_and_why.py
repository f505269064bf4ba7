"""Who may command an actuator, and on what grounds."""

from __future__ import annotations

import random

from testbed.bench import Cause, HabitSpec
from testbed.signals import Access, Command, Signal
from testbed.twin.guard import Basis, Habits, Ownership

SECOND = 1_000_000_000
HEATER = Signal(0, "chamber", "heater", "%", Access.WRITE, limits=(0, 100), safe=0.0)
FAN = Signal(1, "fan", "pwm", "%", Access.WRITE, limits=(0, 100), safe=0.0)
AIR = Signal(2, "chamber", "temperature", "degC")


def command(requester: str, value: float = 50.0, cause_ns: int = 0) -> Command:
    return Command(0, value, requester, cause_ns, SECOND, cause_ns=cause_ns)


class TestOwnership:
    """The heater belongs to the loop hold; the twin chamber is a mirror only."""

    def ownership(self, holder: str | None = None) -> Ownership:
        return Ownership(
            {HEATER.id: "loop hold"}, lambda signal: holder, lambda twin, signal: f"{twin} is a mirror"
        )

    def test_its_loop_commands_it_and_nobody_else(self):
        assert self.ownership().look(HEATER, command("loop hold"), 0) is None
        other = self.ownership().look(HEATER, command("loop dry"), 0)
        assert other is not None
        assert other.cause is Cause.OWNER
        assert other.reason.startswith("chamber.heater belongs to loop hold, not to loop dry")

    def test_what_nobody_owns_anybody_may_command(self):
        assert self.ownership().look(FAN, command("test"), 0) is None

    def test_who_has_it_in_hand_commands_it_and_not_its_loop(self):
        held = self.ownership("alice")
        assert held.look(HEATER, command("alice by hand"), 0) is None
        refused = held.look(HEATER, command("loop hold"), 0)
        assert refused is not None
        assert refused.reason == "chamber.heater is in the hands of alice, not of loop hold"

    def test_a_twin_that_may_not_write_is_refused_even_where_nobody_owns(self):
        refused = self.ownership().look(FAN, command("twin chamber"), 0)
        assert refused is not None
        assert (refused.cause, refused.reason) == (Cause.LEVEL, "chamber is a mirror")


class TestBasis:
    """A command is based on a sample."""

    def test_an_old_sample_is_no_basis(self):
        stale = Basis(2 * SECOND).look(HEATER, command("loop hold", cause_ns=SECOND), 4 * SECOND)
        assert stale is not None
        assert stale.cause is Cause.FRESHNESS
        assert stale.reason == ("chamber.heater: the sample that it is based on is 3 s old, 2 s are allowed")

    def test_the_same_sample_is_acted_on_once(self):
        basis = Basis(2 * SECOND)
        first = command("loop hold", cause_ns=SECOND)
        assert basis.look(HEATER, first, SECOND) is None
        basis.passed(HEATER, first, SECOND)
        again = basis.look(HEATER, command("loop hold", cause_ns=SECOND), SECOND + 1)
        assert again is not None
        assert again.cause is Cause.REPLAYED
        assert basis.look(HEATER, command("loop hold", cause_ns=SECOND + 1), SECOND + 1) is None

    def test_a_person_needs_no_sample(self):
        assert Basis(1).look(HEATER, command("test"), 10 * SECOND) is None


class TestHabits:
    """A heater that was always told about 80 less the temperature."""

    def habits(self, commands: int, noise: float = 1.0) -> Habits:
        self.air = 20.0
        habits = Habits(HabitSpec(after=100), {HEATER.id: (AIR,)}, lambda signal: self.air)
        chance = random.Random(1)
        for _ in range(commands):
            self.air = chance.uniform(20.0, 60.0)
            habits.passed(HEATER, command("loop hold", 80.0 - self.air + chance.gauss(0, noise)), 0)
        return habits

    def test_what_was_learned_is_expected_and_what_deviates_is_told(self):
        habits = self.habits(400)
        self.air = 40.0
        assert habits.look(HEATER, command("loop hold", 41.0), 0) is None
        deviating = habits.look(HEATER, command("loop hold", 90.0), 0)
        assert deviating is not None
        assert deviating.cause is Cause.HABIT
        assert "90 % deviates from what past commands let expect: 40" in deviating.reason

    def test_nothing_is_judged_before_enough_was_seen(self):
        habits = self.habits(99)
        assert habits.look(HEATER, command("loop hold", 100.0), 0) is None

    def test_an_actuator_that_nobody_learned_from_is_not_judged(self):
        assert self.habits(400).look(FAN, command("test", 100.0), 0) is None

    def test_what_a_day_of_the_same_leaves_is_still_a_number(self):
        habits = self.habits(400)
        self.air = 40.0
        for _ in range(20_000):
            habits.passed(HEATER, command("loop hold", 40.0), 0)
        assert habits.look(HEATER, command("loop hold", 40.0), 0) is None
