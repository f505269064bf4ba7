"""A command is tried on the twin before it goes out; what went out is tried again while it stays."""

from __future__ import annotations

from hil_tests.twin.test_live import DUTY, FAST, NS, SPEED, Beside
from testbed.bench import Cause, Lookahead
from testbed.bench.condition import Not, Within
from testbed.signals import Command, Sample, Signal
from testbed.twin.guard import Ahead

HEATER = Signal(DUTY.id, DUTY.device, DUTY.name, "%", access=DUTY.access, safe=0.0)


class Guarded(Beside):
    def guard(self, limit: float = 60.0, *, joined: bool = False) -> Ahead:
        never = (f"probe.temperature above {limit:g} degC", Within(FAST.signal, limit, float("inf")))
        if joined:  # the same, as a condition that is looked at step by step
            never = (never[0], Not(Within(FAST.signal, float("-inf"), limit, closed=True)))
        self.driven: list[str] = []
        signals = {DUTY.id: HEATER}
        return Ahead(
            Lookahead((never,)), [self.twin], signals, lambda signal: float("nan"),  # type: ignore[arg-type]
            lambda signal, reason: self.driven.append(reason),
        )  # fmt: skip

    def command(self, value: float) -> Command:
        return Command(DUTY.id, value, "a test", self.time_ns, self.time_ns + NS, cause_ns=self.time_ns)


def test_what_leads_nowhere_passes() -> None:
    beside = Guarded().run(20)
    assert beside.guard().look(HEATER, beside.command(30.0), beside.time_ns) is None


def test_what_would_lead_there_is_named_with_the_nearest_that_would_not() -> None:
    beside = Guarded().run(30)
    air = beside.plant.output("air_temperature")
    guard = beside.guard(limit=air + 3.0)
    finding = guard.look(HEATER, beside.command(100.0), beside.time_ns)
    assert finding is not None
    assert finding.cause is Cause.LOOKAHEAD
    assert "chamber.heater_duty: 100 % would lead to probe.temperature above" in finding.reason
    assert 10 < finding.nearest < 100
    assert guard.look(HEATER, beside.command(finding.nearest), beside.time_ns) is None
    assert guard.look(HEATER, beside.command(finding.nearest + 5), beside.time_ns) is not None


def test_the_forecast_is_true_of_the_plant() -> None:
    """What the guard lets pass for its moment keeps the limit, what it does not would have broken it."""
    for more, breaks in ((0.0, False), (15.0, True)):
        beside = Guarded().run(30)
        limit = beside.plant.output("air_temperature") + 4.0
        finding = beside.guard(limit).look(HEATER, beside.command(100.0), beside.time_ns)
        assert finding is not None
        beside.commanded(finding.nearest + more)
        hottest = 0.0
        for step in range(100):
            if step == 10:
                beside.commanded(0.0)
            beside.run(0.1)
            hottest = max(hottest, beside.plant.output("air_temperature"))
        assert (hottest > limit) is breaks


def test_where_even_safety_comes_too_late_nothing_but_the_safe_value_passes() -> None:
    beside = Guarded().run(30)
    guard = beside.guard(limit=beside.plant.output("air_temperature") - 1.0)
    finding = guard.look(HEATER, beside.command(40.0), beside.time_ns)
    assert finding is not None
    assert finding.nearest == 0.0
    assert "even at 0 % there would be" in finding.reason


def test_what_went_out_and_is_not_followed_by_anything_is_ended_in_time() -> None:
    beside = Guarded().run(30)
    limit = beside.plant.output("air_temperature") + 6.0
    guard = beside.guard(limit)
    guard.passed(HEATER, beside.command(60.0), beside.time_ns)
    beside.commanded(60.0)
    while not beside.driven:
        assert beside.plant.output("air_temperature") < limit
        beside.run(0.1)
        guard.watch(Sample(FAST.signal.id, beside.time_ns, 0.0))
    assert beside.driven[0].startswith("guard: at 60 % there would be probe.temperature above")


def test_before_the_first_sample_nothing_is_said() -> None:
    beside = Guarded()
    assert beside.guard(limit=1.0).look(HEATER, beside.command(100.0), NS) is None


def test_while_another_input_was_never_heard_of_nothing_is_said() -> None:
    beside = Guarded()
    beside.latest[SPEED.id] = float("nan")
    beside.follow()
    beside.twin.observe(Sample(FAST.signal.id, NS, 22.0))
    assert beside.guard(limit=1.0).look(HEATER, beside.command(100.0), NS) is None
    beside.moved(SPEED, 1500.0)
    assert beside.guard(limit=1.0).look(HEATER, beside.command(100.0), NS) is not None


def test_the_first_command_to_an_input_is_judged_and_so_is_one_while_another_is_lost() -> None:
    beside = Guarded(known=False).run(30)
    limit = beside.plant.output("air_temperature") + 3.0
    assert beside.guard(limit).look(HEATER, beside.command(100.0), beside.time_ns) is not None
    beside.latest[SPEED.id] = float("nan")
    assert beside.guard(limit).look(HEATER, beside.command(100.0), beside.time_ns) is not None


def test_any_condition_is_looked_at_as_a_plain_limit_is() -> None:
    beside = Guarded().run(30)
    limit = beside.plant.output("air_temperature") + 3.0
    plain, joined = (
        beside.guard(limit, joined=joined).look(HEATER, beside.command(100.0), beside.time_ns)
        for joined in (False, True)
    )
    assert plain is not None
    assert plain == joined
