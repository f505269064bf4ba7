"""Conditions over signals: what they say, when they hold, and what is told of one that is none."""

from __future__ import annotations

import contextlib
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.bench import signals_of
from testbed.bench.condition import Condition
from testbed.bench.condition_text import parse_condition
from testbed.signals import Signal

SIGNALS = {
    signal.path: signal
    for signal in (
        Signal(0, "chamber", "temperature", "degC"),
        Signal(1, "probe", "temperature", "degF"),
        Signal(2, "chamber", "door_open"),
        Signal(3, "fan", "speed", "rpm"),
    )
}
UNKNOWN = math.nan


def find(path: str) -> Signal:
    if path not in SIGNALS:
        raise ValueError(f"there is no {path}")
    return SIGNALS[path]


def condition(text: str) -> Condition:
    return parse_condition(text, find)


def holds(text: str, **values: float) -> bool | None:
    """Ask with values by `device_signal`; those not given are not known."""
    return condition(text).holds(lambda signal: values.get(signal.path.replace(".", "_"), UNKNOWN))


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("chamber.temperature above 80 degC", {"chamber_temperature": 80.1}, True),
        ("chamber.temperature above 80 degC", {"chamber_temperature": 80.0}, False),
        ("chamber.temperature >= 353.15 K", {"chamber_temperature": 80.0}, True),
        ("chamber.temperature < 176 degF", {"chamber_temperature": 79.9}, True),
        ("fan.speed between 300 rpm and 400 rpm", {"fan_speed": 400.0}, True),
        ("fan.speed between 300 rpm and 400 rpm", {"fan_speed": 299.0}, False),
        ("chamber.door_open", {"chamber_door_open": 1.0}, True),
        ("chamber.door_open is off", {"chamber_door_open": 1.0}, False),
        ("not chamber.door_open", {"chamber_door_open": 0.0}, True),
        ("chamber.door_open is good", {"chamber_door_open": 0.0}, True),
        ("chamber.door_open is bad", {}, True),
        (
            "chamber.temperature differs from probe.temperature by 5 K",
            {"chamber_temperature": 20.0, "probe_temperature": 68.0},  # 68 degF are 20 degC
            False,
        ),
        (
            "chamber.temperature differs from probe.temperature by 5 K",
            {"chamber_temperature": 26.0, "probe_temperature": 68.0},
            True,
        ),
    ],
)
def test_a_comparison_holds_in_whatever_unit_it_is_written(text, values, expected):
    assert holds(text, **values) is expected


def test_and_binds_closer_than_or_and_not_closer_than_both():
    text = "chamber.door_open or not chamber.door_open and fan.speed above 300 rpm"
    assert holds(text, chamber_door_open=1.0, fan_speed=0.0) is True
    assert holds(text, chamber_door_open=0.0, fan_speed=0.0) is False
    grouped = "(chamber.door_open or not chamber.door_open) and fan.speed above 300 rpm"
    assert holds(grouped, chamber_door_open=1.0, fan_speed=0.0) is False


def test_what_is_not_known_counts_only_where_it_could_change_the_answer():
    assert holds("chamber.door_open or fan.speed above 300 rpm", fan_speed=400.0) is True
    assert holds("chamber.door_open or fan.speed above 300 rpm", fan_speed=200.0) is None
    assert holds("chamber.door_open and fan.speed above 300 rpm", fan_speed=200.0) is False
    assert holds("not chamber.door_open") is None


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_contrary_of_above_is_at_most(value, bound):
    above = holds(f"fan.speed above {bound!r} rpm", fan_speed=value)
    assert above is (value > bound)
    assert holds(f"fan.speed <= {bound!r} rpm", fan_speed=value) is not above


def test_it_names_the_signals_that_it_speaks_of():
    text = "(chamber.door_open or fan.speed above 3 rpm) and not chamber.temperature differs from probe.temperature by 1 K"
    assert {signal.path for signal in signals_of(condition(text))} == set(SIGNALS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected a signal, device.signal, where 'the end' stands"),
        ("door", "expected a signal, device.signal, where 'door' stands"),
        ("chamber.door_open maybe", "'maybe' is not understood after chamber.door_open"),
        ("chamber.door_open is ajar", "chamber.door_open is on, off, good or bad, not 'ajar'"),
        ("(chamber.door_open", "a ) is missing"),
        ("chamber.door_open )", "')' is not understood"),
        ("fan.speed above", "a quantity is missing"),
        ("fan.speed above 3 degC", "does not fit: expected rpm, and 'degC' is another quantity"),
        ("fan.speed between 3 rpm", "the 'and' is missing"),
        ("fan.speed differs by 3 rpm", "the 'from' is missing"),
        ("fan.sped above 3 rpm", "there is no fan.sped"),
    ],
)
def test_one_that_is_none_is_told_what_does_not_fit(text, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        condition(text)


@given(st.text(alphabet="abc. ()<>=andornt123degC", max_size=40))
def test_any_text_is_a_condition_or_a_clear_error(text):
    with contextlib.suppress(ValueError):
        assert list(signals_of(condition(text)))
