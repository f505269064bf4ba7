"""The chamber's first model predicts it, and its residual shows what the model does not know."""

import math
from functools import partial

from testbed.bench import TwinModel
from testbed.plants import ThermalChamber
from testbed.signals import Quality, Sample, Signal
from testbed.twin import Predictor
from testbed.twin.models.thermal import ThermalModel

MEASURED = Signal(0, "chamber", "temperature", "degC")
PREDICTED = Signal(1, "chamber", "temperature_predicted", "degC")
RESIDUAL = Signal(2, "chamber", "temperature_residual", "K")
INPUTS = {
    "heater_duty": Signal(3, "chamber", "heater_duty", "%"),
    "fan_speed": Signal(4, "fan", "speed", "rpm"),
    "vent_position": Signal(5, "vent", "position", "%"),
}
SPEC = TwinModel("thermal", MEASURED, PREDICTED, RESIDUAL, INPUTS, {})


def follow(plant: ThermalChamber, seconds: float, duty: float, known: bool = True) -> list[Sample]:
    """Run plant and predictor side by side at 10 Hz; return what the predictor published."""
    said: list[Sample] = []
    values = {3: duty if known else math.nan, 4: plant.output("fan_speed"), 5: 0.0}
    predictor = Predictor(SPEC, partial(ThermalModel, {}), values.__getitem__, said.append)
    plant.set("heater_enable", 1.0)
    plant.set("heater_duty", duty)
    for step in range(int(seconds * 10)):
        plant.step(0.1)
        values[4] = plant.output("fan_speed")
        predictor.observe(Sample(0, (step + 1) * 100_000_000, plant.output("air_temperature")))
    return said


def residuals(said: list[Sample]) -> list[float]:
    return [abs(sample.value) for sample in said if sample.signal == RESIDUAL.id]


def test_a_right_model_leaves_next_to_no_residual():
    assert max(residuals(follow(ThermalChamber({}), 30, duty=15.0))) < 0.05


def test_a_weak_heater_shows_in_the_residual():
    assert max(residuals(follow(ThermalChamber({"heater_power": 300.0}), 30, duty=15.0))) > 0.15


def test_with_an_unknown_input_the_prediction_is_uncertain_and_names_it():
    said = follow(ThermalChamber({}), 1, duty=40.0, known=False)
    assert {sample.quality for sample in said} == {Quality.UNCERTAIN}
    assert said[0].reason == "unknown input: heater_duty"


def test_bad_samples_are_passed_over():
    said: list[Sample] = []
    predictor = Predictor(SPEC, partial(ThermalModel, {}), lambda signal: 0.0, said.append)
    predictor.observe(Sample(0, 1, math.nan, Quality.BAD, "offline"))
    assert said == []
