"""The model of a device in step with it: what it expects, how sure it is, and what it does not know."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from testbed.bench import Foresight, TwinModel, TwinSensor
from testbed.plants import ThermalChamber
from testbed.signals import Command, Event, Quality, Sample, Signal
from testbed.twin import LiveTwin
from testbed.twin.models.thermal import ThermalModel
from testbed.twin.predict import Outlook

NS = 1_000_000_000


def sensor(number: int, device: str, unit: str = "degC", **known: float) -> TwinSensor:
    names = ("temperature", "temperature_predicted", "temperature_sigma", "temperature_residual")
    units = (unit, unit, "K", "K")
    signals = [Signal(10 * number + at, device, name, units[at]) for at, name in enumerate(names)]
    return TwinSensor("air", *signals, **known)


DUTY = Signal(1, "chamber", "heater_duty", "%")
SPEED = Signal(2, "fan", "speed", "rpm")
SOON, SOON_SIGMA = Signal(4, "chamber", "hot_in", "s"), Signal(5, "chamber", "hot_in_sigma", "s")
LOAD = Signal(3, "chamber", "load_estimated", "degF")
SLOW, FAST, THIRD = sensor(1, "chamber", lag=2.0), sensor(2, "probe"), sensor(3, "air")


@dataclass
class Beside:
    """A twin beside a plant, at 10 Hz; `silent` sensors say nothing, `lying` ones so much too much."""

    sensors: tuple[TwinSensor, ...] = (SLOW, FAST)
    known: bool = True
    plant: ThermalChamber = field(default_factory=lambda: ThermalChamber({}))
    said: list[Sample] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    states: list[dict[str, float]] = field(default_factory=list)
    silent: set[int] = field(default_factory=set)
    lying: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.latest = {DUTY.id: 15.0 if self.known else math.nan, SPEED.id: 0.0}
        self.follow()
        self.lagged = self.plant.output("air_temperature")
        self.time_ns = 0
        self.random = np.random.default_rng(1)
        self.plant.set("heater_enable", 1.0)
        self.plant.set("heater_duty", 15.0)

    def follow(self) -> None:
        model = TwinModel(
            "thermal",
            self.sensors,
            {"heater_duty": DUTY, "fan_speed": SPEED},
            {},
            {"load": LOAD},
            foresees=(Foresight("", 0, 45.0, True, SOON, SOON_SIGMA),),
        )
        self.twin = LiveTwin(
            model, ThermalModel({}), self.latest.__getitem__, self.said.append, self.events.append
        )  # fmt: skip
        self.outlook = Outlook(self.twin, self.said.append, lambda at, state: self.states.append(dict(state)))

    def run(self, seconds: float) -> Beside:
        for _ in range(round(seconds * 10)):
            for _ in range(10):
                self.plant.step(0.01)
                self.lagged += (self.plant.output("air_temperature") - self.lagged) * 0.01 / 2.0
            self.time_ns += NS // 10
            self.moved(SPEED, self.plant.output("fan_speed"))
            for number, each in enumerate(self.sensors):
                if number not in self.silent:
                    air = self.lagged if each is SLOW else self.plant.output("air_temperature")
                    value = air + self.random.normal(0, 0.05) + self.lying.get(number, 0.0)
                    sample = Sample(each.signal.id, self.time_ns, value)
                    self.twin.observe(sample)
                    self.outlook.keep(sample)
        return self

    def commanded(self, value: float) -> None:
        self.latest[DUTY.id] = value
        self.plant.set("heater_duty", value)
        self.twin.commanded(Command(DUTY.id, value, "loop", self.time_ns + 700_000, 0, cause_ns=self.time_ns))

    def moved(self, signal: Signal, value: float) -> None:
        self.latest[signal.id] = value
        self.twin.moved(Sample(signal.id, self.time_ns, value))

    def of(self, signal: Signal) -> list[Sample]:
        return [each for each in self.said if each.signal == signal.id]


def test_a_right_model_leaves_noise_and_the_lag_of_a_sensor_is_none_of_it() -> None:
    beside = Beside().run(60)
    for each in (SLOW, FAST):
        residuals = [sample.value for sample in beside.of(each.residual)[100:]]
        sigmas = [sample.value for sample in beside.of(each.sigma)[100:]]
        assert np.std(residuals) == pytest.approx(np.mean(sigmas), rel=0.1)
        assert abs(np.mean(residuals)) < 0.01


def test_a_change_of_an_input_is_foretold() -> None:
    beside = Beside().run(20)
    beside.commanded(60.0)
    beside.run(5)
    assert beside.plant.output("air_temperature") > 40  # it did get warm
    assert max(abs(each.value) for each in beside.of(FAST.residual)[-50:]) < 0.25


def test_a_weak_heater_shows_in_the_residual() -> None:
    beside = Beside(plant=ThermalChamber({"heater_power": 300.0})).run(20)
    assert min(each.value for each in beside.of(FAST.residual)) < -0.25


def test_with_an_unknown_input_what_is_expected_is_uncertain_and_says_why() -> None:
    beside = Beside(known=False).run(1)
    assert {sample.quality for sample in beside.said} == {Quality.UNCERTAIN}
    assert {sample.reason for sample in beside.said} == {"unknown input: heater_duty"}


def test_bad_samples_are_passed_over() -> None:
    beside = Beside()
    beside.twin.observe(Sample(FAST.signal.id, NS, math.nan, Quality.BAD, "offline"))
    assert beside.said == []
    assert not beside.twin.tracker.begun


def test_what_nobody_measures_is_published_in_its_own_unit() -> None:
    beside = Beside().run(60)
    assert len(beside.of(LOAD)) == pytest.approx(60, abs=2)  # about once a second
    load = beside.plant.output("load_temperature")
    assert beside.of(LOAD)[-1].value == pytest.approx(load * 9 / 5 + 32, abs=1.0)
    assert beside.states[-1].keys() == {"air", "load", "forecast_skill", "forecast_coverage"}


def test_a_silent_sensor_is_bridged_by_the_model_with_growing_doubt() -> None:
    beside = Beside().run(20)
    before = len(beside.of(FAST.prediction))
    beside.silent = {1}
    beside.run(20)
    bridged = beside.of(FAST.prediction)[before:]
    assert {each.quality for each in bridged} == {Quality.UNCERTAIN}
    assert {each.reason for each in bridged} == {"probe.temperature says nothing"}
    assert len(beside.of(FAST.residual)) == len(beside.of(FAST.prediction)) - len(bridged)
    assert bridged[-1].value == pytest.approx(beside.plant.output("air_temperature"), abs=0.6)


def test_of_three_sensors_one_that_lies_is_shut_out_until_it_agrees_again() -> None:
    beside = Beside(sensors=(SLOW, FAST, THIRD)).run(20)
    beside.lying = {2: 5.0}
    beside.run(10)
    assert [event.kind for event in beside.events] == ["disagrees"]
    assert beside.events[0].text.startswith("air.temperature says ")
    assert " K from what its twin expects" in beside.events[0].text
    assert abs(beside.of(FAST.residual)[-1].value) < 0.25  # it has not drawn the model away
    beside.lying = {}
    beside.run(1)
    assert [event.kind for event in beside.events] == ["disagrees", "agrees"]


def test_one_outlier_moves_nothing() -> None:
    beside = Beside(sensors=(FAST,)).run(20)
    state = beside.twin.tracker.filter.state
    beside.twin.observe(Sample(FAST.signal.id, beside.time_ns + NS // 10, 500.0))
    assert beside.twin.tracker.filter.state == pytest.approx(state, abs=0.2)
    assert beside.events == []


def test_no_more_samples_are_taken_than_it_is_told_to() -> None:
    beside = Beside(sensors=(FAST,))
    slow = TwinModel("thermal", (FAST,), {"heater_duty": DUTY, "fan_speed": SPEED}, {}, {}, period_ns=NS // 2)
    beside.twin = LiveTwin(slow, ThermalModel({}), beside.latest.__getitem__, beside.said.append, print)
    beside.run(10)
    assert len(beside.of(FAST.prediction)) == pytest.approx(20, abs=1)


def test_the_time_until_a_limit_is_told_with_its_doubt_and_comes_true() -> None:
    beside = Beside().run(20)
    beside.commanded(60.0)
    told: dict[float, tuple[float, float]] = {}
    while beside.plant.output("air_temperature") < 45.0:
        beside.run(0.1)
        seconds, sigma = beside.of(SOON)[-1], beside.of(SOON_SIGMA)[-1]
        told[seconds.time_ns / NS] = seconds.value, sigma.value
    reached = beside.time_ns / NS
    for at, (seconds, sigma) in list(told.items())[2:]:
        assert at + seconds == pytest.approx(reached, abs=max(0.5, 3 * sigma))
    beside.commanded(0.0)
    beside.run(120)
    assert beside.of(SOON)[-1].value == 600.0
    # The input changed seldom, and the temperature much.
    assert beside.outlook.scores.count > 50
    assert beside.outlook.scores.skill > 0.2


def test_while_an_input_is_lost_the_model_goes_on_with_what_it_was_and_says_so() -> None:
    beside = Beside().run(20)
    assert beside.of(FAST.prediction)[-1].quality is Quality.GOOD
    beside.latest[DUTY.id] = math.nan
    beside.run(1)
    last = beside.of(FAST.prediction)[-1]
    assert (last.quality, last.reason) == (Quality.UNCERTAIN, "unknown input: heater_duty")
    assert last.value == pytest.approx(beside.plant.output("air_temperature"), abs=0.3)
