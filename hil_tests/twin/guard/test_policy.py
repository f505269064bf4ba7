"""What follows of an objection is the bench's to say; nothing unjudged ever goes out."""

from __future__ import annotations

import math

import pytest

from testbed.bench import Action, Cause, GuardPlan
from testbed.signals import Access, Command, Priority, Signal, Verdict
from testbed.twin.guard import Check, Finding, Guard, Slew

SECOND = 1_000_000_000
HEATER = Signal(0, "chamber", "heater", "%", Access.WRITE, limits=(0, 100), slew=50.0, safe=0.0)


def command(value: float, priority: Priority = Priority.COMMAND) -> Command:
    return Command(0, value, "test", 0, SECOND, priority=priority)


class Objection:
    """Objects to everything."""

    def __init__(self, cause: Cause = Cause.INTERLOCK, nearest: float = math.nan) -> None:
        self.finding = Finding(cause, "it would get too hot", nearest)

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        return self.finding

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        raise AssertionError("nothing passes")


class Broken:
    """Fails."""

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        raise ZeroDivisionError("of the check")

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        raise ZeroDivisionError("of what it learns")


def guard(check: Check, action: Action = Action.REFUSE, **given: object) -> Guard:
    plan = GuardPlan(policy=dict.fromkeys(Cause, action))
    return Guard([HEATER], [check], plan, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        (Action.REFUSE, Verdict.REFUSED),
        (Action.HOLD, Verdict.HELD),
        (Action.SAFE_STOP, Verdict.SAFE_STOP),
    ],
)
def test_a_command_that_is_objected_to_does_not_pass_and_says_why(action, verdict):
    stopped: list[str] = []
    asked = command(50.0)
    judge = guard(Objection(), action, stop=lambda signal, reason: stopped.append(f"{signal.path}: {reason}"))
    assert not judge.judge(asked, 0)
    assert (asked.verdict, asked.reason, asked.value) == (verdict, "it would get too hot", 50.0)
    assert stopped == ["chamber.heater: it would get too hot"] * (action is Action.SAFE_STOP)


def test_a_clamped_command_goes_out_with_the_nearest_value_and_keeps_what_was_asked():
    asked = command(500.0)
    clamping = Guard([HEATER], [Slew()], GuardPlan(policy={Cause.LIMITS: Action.CLAMP}))
    assert clamping.judge(asked, 0)
    assert (asked.verdict, asked.value, asked.asked, asked.wanted) == (Verdict.CLAMPED, 100.0, 500.0, 500.0)
    assert asked.reason == "chamber.heater: 500 is outside its limits 0 to 100 %; 100 % goes out"


def test_a_value_that_was_clamped_is_judged_on_by_the_checks_after():
    plan = GuardPlan(policy={Cause.LIMITS: Action.CLAMP, Cause.SLEW: Action.CLAMP})
    clamping = Guard([HEATER], [Slew()], plan)
    assert clamping.judge(command(0.0), 0)
    asked = command(500.0)
    assert clamping.judge(asked, SECOND)
    assert (asked.value, asked.wanted) == (50.0, 500.0)  # 50 %/s for one second


def test_where_there_is_no_nearest_value_a_clamp_is_a_refusal():
    asked = command(50.0)
    assert not guard(Objection(), Action.CLAMP).judge(asked, 0)
    assert asked.verdict is Verdict.REFUSED


def test_what_a_policy_only_reports_passes():
    class Doubt(Objection):
        def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
            """It may."""

    assert guard(Doubt(Cause.HABIT), Action.ALLOW).judge(command(50.0), 0)


def test_no_number_is_refused_whatever_the_policy_says():
    asked = command(math.nan)
    plan = GuardPlan(policy={Cause.LIMITS: Action.CLAMP})
    assert not Guard([HEATER], [], plan).judge(asked, 0)
    assert asked.verdict is Verdict.REFUSED


def test_when_a_check_fails_nothing_passes_but_the_way_to_safety():
    told: list[str] = []

    def fault(text: str, error: Exception) -> None:
        told.append(f"{text}: {error}")

    judge = guard(Broken(), fault=fault)
    asked = command(50.0)
    assert not judge.judge(asked, 0)
    assert asked.verdict is Verdict.REFUSED
    assert "the guard failed, so it lets nothing pass" in asked.reason
    safe = command(0.0, Priority.SAFE)
    assert judge.judge(safe, 0)
    assert told == [
        "the guard, judging chamber.heater: of the check",
        "the guard, judging chamber.heater: of what it learns",
    ]


def test_a_judgement_that_comes_late_refuses():
    class Slow(Slew):
        def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
            clock.now += 200_000_000
            return None

    class Clock:
        now = 0

    clock = Clock()
    judge = Guard([HEATER], [Slow()], GuardPlan(), now=lambda: clock.now)
    asked = command(50.0)
    assert not judge.judge(asked, 0)
    assert asked.reason == "chamber.heater: it took 200 ms to judge it, 100 ms are allowed"
    assert judge.judge(command(0.0, Priority.SAFE), 0)
