"""No noise is taken for a change, what the data do not tell is not learned, what is wrong is taken back."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from testbed.bench import Excite, LearnPlan, TwinModel, TwinSensor
from testbed.signals import Event, Sample, Signal
from testbed.twin import LiveTwin
from testbed.twin.estimate import Innovation
from testbed.twin.models import Components, ModelFailed
from testbed.twin.models.fan import Fan
from testbed.twin.update import Learner
from testbed.twin.update.cusum import Cusum
from testbed.twin.update.question import Question

NS = 1_000_000_000
PWM = Signal(0, "fan", "pwm", "%", safe=0.0)


def sensor(number: int, name: str, unit: str) -> TwinSensor:
    names = (name, f"{name}_predicted", f"{name}_sigma", f"{name}_residual")
    return TwinSensor(name, *(Signal(10 * number + at, "fan", each, unit) for at, each in enumerate(names)))


@dataclass
class Watched:
    """A fan with what `learns` may change, its duty swinging by `swing` %, sampled at 10 Hz."""

    learns: tuple[str, ...] = ("friction", "top_speed")
    swing: float = 10.0
    real: dict[str, float] = field(default_factory=dict)
    bias: float = 0.0
    known: bool = True
    events: list[Event] = field(default_factory=list)
    model: Fan = field(default_factory=lambda: Fan({}))

    def __post_init__(self) -> None:
        self.duty, self.time_ns, self.state = 50.0, 0, (1500.0,)
        self.speed, self.current = sensor(1, "speed", "rpm"), sensor(2, "current", "A")
        plan = LearnPlan(self.learns, ("fan.speed",), 5.0)
        spec = TwinModel("fan", (self.speed, self.current), {"duty": PWM}, {}, {}, learns=plan)
        self.twin = LiveTwin(
            spec, self.model, lambda _: self.duty if self.known else math.nan, lambda sample: None,
            self.events.append,
        )  # fmt: skip
        self.learner = self.twin.learner = Learner(self.twin, plan, "fan", self.events.append)
        self.chance = random.Random(1)
        self.twin.moved(Sample(PWM.id, 1, self.duty))

    def run(self, seconds: float) -> Watched:
        truth = Fan(self.real)
        for _ in range(round(seconds * 10)):
            self.time_ns += NS // 10
            self.state = truth.step(self.state, (self.duty,), 0.1)
            speed, current = truth.output(self.state, (self.duty,))
            for each, value in (
                (self.speed, speed + self.bias + self.chance.gauss(0, 3)),
                (self.current, current + self.chance.gauss(0, 0.005)),
            ):
                sample = Sample(each.signal.id, self.time_ns, value)
                self.twin.observe(sample)
                self.learner.work(sample)
            self.duty = 50.0 + self.swing * math.sin(self.time_ns / NS)
            self.twin.moved(Sample(PWM.id, self.time_ns, self.duty))
        return self

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def test_nothing_is_told_while_the_model_fits() -> None:
    assert Watched().run(300).kinds() == []


def test_what_has_changed_is_named_with_its_value_and_used_once_it_has_proven_itself() -> None:
    watched = Watched().run(20)
    watched.real = {"friction": 2.0}
    watched.run(40)
    assert watched.kinds() == ["misfit", "cause", "version"]
    (version,) = watched.learner.versions
    assert (version.number, version.name, version.before) == (2, "friction", 1.0)
    assert version.value == pytest.approx(2.0, abs=4 * version.sigma)
    assert version.gain > 100
    assert 5 < version.span_s < 20
    assert "friction is 2.0" in watched.events[-1].text or "friction is 1.99" in watched.events[-1].text


def test_a_sensor_that_reads_wrong_is_no_worn_bearing() -> None:
    watched = Watched().run(20)
    watched.bias = 60.0
    watched.run(40)
    assert watched.kinds() == ["misfit", "cause", "version"]
    assert watched.learner.versions[0].name == "fan.speed"
    assert "fan.speed reads 60" in watched.events[-1].text or "fan.speed reads 59" in watched.events[-1].text


def test_two_changes_are_found_one_after_the_other() -> None:
    watched = Watched().run(20)
    watched.bias = 60.0
    watched.run(60)
    watched.real = {"friction": 2.0}
    watched.run(60)
    assert [version.name for version in watched.learner.versions] == ["fan.speed", "friction"]
    assert watched.twin.tracker.free("friction")[0] == pytest.approx(2.0, abs=0.05)
    assert watched.twin.tracker.free("fan.speed")[0] == pytest.approx(60.0, abs=10.0)


def test_what_may_not_change_is_not_blamed_on_what_may() -> None:
    watched = Watched(learns=("lag",)).run(20)
    watched.real = {"friction": 2.0}
    watched.run(130)
    assert "version" not in watched.kinds() or watched.learner.versions[0].name == "fan.speed"
    assert "lag" not in [version.name for version in watched.learner.versions]


def test_a_change_that_is_over_during_its_trial_is_rejected() -> None:
    watched = Watched().run(20)
    watched.real = {"friction": 2.0}
    while "cause" not in watched.kinds():
        watched.run(0.1)
    watched.real = {}
    watched.run(6)
    assert watched.kinds()[:3] == ["misfit", "cause", "rejected"]
    assert watched.learner.versions == []


class Fixed(Fan):
    """Takes no other parameters than its own, as a model of another tool may."""

    def step(self, state: Components, inputs: Components, seconds: float, parameters: Any = None) -> Any:
        if parameters not in (None, self.parameters):
            raise ModelFailed("it does not take that")
        return super().step(state, inputs, seconds, parameters)


def test_a_model_that_fails_under_other_parameters_is_followed_on_as_it_is() -> None:
    watched = Watched(learns=("top_speed",), model=Fixed({})).run(20)
    watched.real = {"top_speed": 2000.0}
    watched.run(30)
    assert watched.kinds()[:2] == ["misfit", "unclear"]
    assert "cannot be found out: it does not take that" in watched.events[1].text
    assert not watched.twin.lost
    assert not watched.learner.versions


def test_a_version_that_soon_does_worse_is_taken_back() -> None:
    watched = Watched().run(20)
    watched.real = {"friction": 2.0}
    while "version" not in watched.kinds():
        watched.run(0.1)
    watched.real = {}
    watched.run(6)
    assert [kind for kind in watched.kinds() if kind != "misfit"] == ["cause", "version", "rolled-back"]
    assert watched.twin.tracker.followed.free == ()


def test_nothing_is_learned_while_an_input_is_unknown() -> None:
    watched = Watched().run(20)
    watched.known = False
    watched.real = {"friction": 2.0}
    watched.run(60)
    assert "cause" not in watched.kinds()
    watched.known = True
    watched.run(60)
    assert watched.learner.versions[0].name == "friction"


@pytest.mark.parametrize("way", [1, -1])
def test_a_mean_that_moved_is_found_long_before_a_sample_is_odd(way: int) -> None:
    cusum, chance = Cusum(3), random.Random(2)
    for step in range(2000):
        assert cusum.take(step, Innovation(0.0, chance.gauss(0, 1), 1.0)) is None
    for step in range(2000, 2200):
        alarm = cusum.take(step, Innovation(0.0, chance.gauss(0.7 * way, 1), 1.0))
        if alarm is not None:
            break
    assert alarm is not None
    assert (alarm.sensor, alarm.way) == (3, way)
    assert 1980 <= alarm.since_ns <= 2040


def test_a_question_moves_the_setpoint_for_its_time_and_is_not_asked_again_at_once() -> None:
    shifts: list[float] = []
    question = Question(Excite("hold", 1.5, "K", 6 * NS), shifts.append)
    question.work(NS)
    assert question.ask(2 * NS)
    for second in range(3, 12):
        assert not question.ask(second * NS)
        question.work(second * NS)
    assert shifts == [1.5, 0.0]
    assert question.ask(60 * NS)


def test_the_steps_of_a_coarse_sensor_are_no_shift() -> None:
    cusum = Cusum(0, resolution=0.1)
    assert all(cusum.take(step, Innovation(0.0, 0.049, 0.03)) is None for step in range(5000))
