"""The chamber obeys physics: it conserves heat, cools to the room, and its cut-out works."""

import pytest

from testbed.plants import ThermalChamber, plant_class
from testbed.plants.heat import HeatInputs, HeatParameters, heat_rates
from testbed.plants.thermal_chamber import saturated_vapour


def chamber(**inputs: float) -> ThermalChamber:
    plant = ThermalChamber({})
    for name, value in {"heater_enable": 1.0, **inputs}.items():
        plant.set(name, value)
    return plant


def test_heat_that_goes_in_is_stored_or_lost_to_the_room():
    p = HeatParameters()
    air_rate, load_rate = heat_rates(50.0, 40.0, HeatInputs(30.0, 1500.0, 0.0), p)
    stored = p.air_capacity * air_rate + p.load_capacity * load_rate
    assert stored == pytest.approx(p.heater_power * 0.3 - p.wall_conductance * (50.0 - p.ambient))


def test_at_rest_everything_is_at_room_temperature():
    plant = chamber()
    plant.step(60)
    assert plant.output("air_temperature") == pytest.approx(22.0)
    assert plant.output("humidity") > 45


def test_it_settles_where_heating_equals_losses():
    plant = chamber(heater_duty=5.0, fan_duty=50.0)
    plant.step(1500)
    assert plant.output("air_temperature") == pytest.approx(22.0 + 0.05 * 500 / 0.8, abs=0.1)


def test_without_enable_the_heater_does_nothing():
    plant = chamber(heater_enable=0.0, heater_duty=100.0)
    plant.step(30)
    assert plant.output("air_temperature") == pytest.approx(22.0)


def test_the_cut_out_takes_the_heater_off_at_85_and_gives_it_back_at_80():
    plant = chamber(heater_duty=100.0)
    peak, alarmed = 0.0, False
    for _ in range(600):
        plant.step(0.1)
        peak = max(peak, plant.output("air_temperature"))
        alarmed = alarmed or plant.output("over_temperature") == 1.0
    assert alarmed
    assert 85.0 < peak < 86.5


def test_the_fan_makes_the_load_follow_the_air():
    still, blown = chamber(heater_duty=40.0), chamber(heater_duty=40.0, fan_duty=100.0)
    still.step(10)
    blown.step(10)
    assert blown.output("load_temperature") > still.output("load_temperature") + 2


def test_an_open_vent_dries_the_air():
    shut, vented = chamber(heater_duty=15.0), chamber(heater_duty=15.0, vent_opening=100.0)
    shut.step(40)
    vented.step(40)
    assert vented.output("humidity") < shut.output("humidity") - 5
    assert vented.output("vent_position") == pytest.approx(100.0)


def test_saturated_air_at_20_degrees_holds_17_grams():
    assert saturated_vapour(20.0) == pytest.approx(17.3, abs=0.1)


def test_unknown_plants_and_inputs_are_refused_by_name():
    with pytest.raises(KeyError):
        chamber(rocket=1.0)
    with pytest.raises(Exception, match="thermal-chamber"):
        plant_class("thermal-chambre")
