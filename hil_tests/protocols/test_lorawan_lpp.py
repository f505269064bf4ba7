"""Cayenne LPP, against pycayennelpp and the documentation's own examples."""

from __future__ import annotations

import pytest
from cayennelpp import LppFrame
from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.lorawan.lpp import LPP_TYPES, LppCommand, LppField, LppLayout


def field(signal: str, channel: int, kind: str, number: str = "") -> LppField:
    return LppField(signal, channel, LPP_TYPES[kind], number, LPP_TYPES[kind].numbers[number].scale)


@st.composite
def filled(draw: st.DrawFn) -> tuple[LppLayout, dict[str, float]]:
    """Layouts of any types on channels of their own, and values that they hold exactly."""
    fields, values = [], {}
    for channel in draw(st.lists(st.integers(0, 254), min_size=1, max_size=6, unique=True)):
        kind = draw(st.sampled_from(sorted(LPP_TYPES)))
        for name, number in LPP_TYPES[kind].numbers.items():
            made = field(f"s{channel}{name}", channel, kind, name)
            fields.append(made)
            values[made.signal] = draw(st.integers(*number.bounds)) * number.scale
    return LppLayout(draw(st.integers(1, 223)), tuple(fields)), values


@given(filled())
def test_values_survive_the_air(made: tuple[LppLayout, dict[str, float]]) -> None:
    layout, values = made
    payload = layout.encode(values)
    assert len(payload) == layout.size
    assert layout.decode(payload) == pytest.approx(values)


@given(filled(), st.data())
def test_a_cut_payload_gives_its_whole_records_or_is_refused(
    made: tuple[LppLayout, dict[str, float]], data: st.DataObject
) -> None:
    layout, values = made
    whole = layout.encode(values)
    kept = data.draw(st.integers(0, layout.size - 1))
    ends = [0]
    while ends[-1] < len(whole):
        ends.append(ends[-1] + 2 + {kind.code: kind.size for kind in LPP_TYPES.values()}[whole[ends[-1] + 1]])
    if kept in ends:
        found = layout.decode(whole[:kept])
        assert found == pytest.approx({name: values[name] for name in found})
    else:
        with pytest.raises(ValueError, match="Cayenne LPP record"):
            layout.decode(whole[:kept])


KINDS = {
    "digital_input": (LppFrame.add_digital_input, 7),
    "digital_output": (LppFrame.add_digital_output, 1),
    "analog_input": (LppFrame.add_analog_input, -5.24),
    "analog_output": (LppFrame.add_analog_output, 327.67),
    "illuminance": (LppFrame.add_luminosity, 40_000),
    "presence": (LppFrame.add_presence, 1),
    "temperature": (LppFrame.add_temperature, -27.2),
    "humidity": (LppFrame.add_humidity, 50.5),
    "barometer": (LppFrame.add_barometer, 1013.2),
    "voltage": (LppFrame.add_voltage, 3.30),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pycayennelpp_reads_and_writes_the_same_bytes(kind: str) -> None:
    add, value = KINDS[kind]
    theirs = LppFrame()
    add(theirs, 3, value)
    layout = LppLayout(1, (field("s", 3, kind),))
    assert layout.encode({"s": value}) == bytes(theirs)
    assert layout.decode(bytes(theirs)) == pytest.approx({"s": value})


def test_pycayennelpp_agrees_on_types_of_several_numbers() -> None:
    theirs = LppFrame()
    theirs.add_gps(1, 42.3519, -87.9094, 10.0)
    theirs.add_accelerometer(6, 1.234, -1.234, 0.0)
    names = ("latitude", "longitude", "altitude")
    layout = LppLayout(
        1,
        (
            *(field(name, 1, "gps", name) for name in names),
            *(field(axis, 6, "accelerometer", axis) for axis in "xyz"),
        ),
    )
    values = {"latitude": 42.3519, "longitude": -87.9094, "altitude": 10, "x": 1.234, "y": -1.234, "z": 0}
    assert layout.decode(bytes(theirs)) == pytest.approx(values)
    assert layout.encode(values) == bytes(theirs)


def test_the_documentation_s_two_temperatures_are_read_and_other_channels_passed_over() -> None:
    # myDevices, Cayenne LPP, "Device with 2 temperature sensors"
    payload = bytes.fromhex("03 67 01 10 05 67 00 FF")
    assert LppLayout(1, (field("far", 5, "temperature"),)).decode(payload) == pytest.approx({"far": 25.5})


def test_a_type_of_unknown_length_ends_the_reading_with_its_place() -> None:
    layout = LppLayout(1, (field("near", 3, "temperature"),))
    with pytest.raises(ValueError, match=r"fPort 1: byte 4: expected .* a known type, got 05 ee 00"):
        layout.decode(bytes.fromhex("03 67 01 10 05 EE 00"))


def test_a_command_is_hundredths_of_a_channel_up_to_the_end_mark() -> None:
    command = LppCommand(99, "opening", 4)
    assert command.encode({"opening": 45.5}) == bytes.fromhex("04 11C6 FF")
    assert command.decode(bytes.fromhex("01 0064 04 11C6 FF")) == pytest.approx({"opening": 45.5})
    with pytest.raises(ValueError, match="channel 4"):
        command.decode(bytes.fromhex("01 0064 FF"))
    with pytest.raises(ValueError, match="opening"):
        command.encode({"opening": 400})


@given(st.integers(-0x8000, 0x7FFF), st.integers(0, 254))
def test_a_command_survives_the_air(raw: int, channel: int) -> None:
    command = LppCommand(99, "opening", channel)
    value = raw / 100
    assert command.decode(command.encode({"opening": value})) == pytest.approx({"opening": value})
