"""Characteristic values: UUIDs, numbers, the codes for "not known", and lengths."""

import contextlib
import math
import uuid
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from testbed.bench.problems import BenchFileError
from testbed.bench.profile import SHIPPED, Profile, load_profile
from testbed.protocols.gatt import (
    Characteristic,
    GattAddress,
    GattSettings,
    GattType,
    characteristics,
    uuid16,
    uuid128,
    uuid_words,
)

WHOLE = [kind for kind in GattType if kind.is_whole and kind.size < 8]


def address(characteristic: int = 0x2A19, kind: str = "uint8", **more: object) -> GattAddress:
    return GattAddress.model_validate(
        {"service": 0x180F, "characteristic": characteristic, "type": kind, **more}
    )


def alone(field: GattAddress) -> Characteristic:
    return together(signal=field)


def together(**fields: GattAddress) -> Characteristic:
    first = next(iter(fields.values()))
    return Characteristic(first.service, first.characteristic, fields)


# UUIDs ----------------------------------------------------------------------------------------------


def test_a_short_uuid_is_set_into_the_bluetooth_base_uuid() -> None:
    assert uuid128(0x2A6E) == "00002a6e-0000-1000-8000-00805f9b34fb"
    assert uuid128("2A6E") == uuid128("0x2a6e") == uuid128(0x2A6E)
    assert uuid128(0x12345678) == "12345678-0000-1000-8000-00805f9b34fb"


@given(st.integers(0, 0xFFFF))
def test_a_16_bit_uuid_survives_its_128_bit_form(short: int) -> None:
    assert uuid16(uuid128(short)) == short
    assert int(uuid_words(uuid128(short)), 16) == short


@given(st.uuids())
def test_a_long_uuid_stays_itself_in_lower_case(long: uuid.UUID) -> None:
    assert uuid128(str(long).upper()) == str(long)


@given(
    st.one_of(st.text(max_size=40), st.integers(max_value=-1), st.integers(min_value=1 << 32), st.booleans())
)
def test_anything_else_is_refused_with_a_right_example(wrong: object) -> None:
    accepted = ""
    with contextlib.suppress(ValueError):
        accepted = uuid128(wrong)  # type: ignore[arg-type]
    if accepted:
        assert str(uuid.UUID(accepted)) == accepted
    else:
        with pytest.raises(ValueError, match="write 0x2A6E or 12345678-"):
            uuid128(wrong)  # type: ignore[arg-type]


# Numbers --------------------------------------------------------------------------------------------


@given(st.data(), st.sampled_from(WHOLE), st.sampled_from([1.0, 0.5, 0.1, 0.01, 2.0, -0.25]))
def test_every_raw_number_of_every_whole_type_survives(
    data: st.DataObject, kind: GattType, scale: float
) -> None:
    raw = data.draw(st.binary(min_size=kind.size, max_size=kind.size))
    characteristic = alone(address(kind=kind.value, scale=scale))
    value = characteristic.decode(raw)["signal"]
    assert value is not None
    assert characteristic.encode({"signal": value}) == raw


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_float_survives_exactly(value: float) -> None:
    characteristic = alone(address(kind="float32"))
    assert characteristic.decode(characteristic.encode({"signal": value})) == {"signal": value}


def test_the_supplements_own_example_of_a_temperature_decodes() -> None:
    # GSS, Temperature: sint16, resolution 0.01 degC; 21.53 degC is 0x0869, low byte first.
    temperature = alone(address(0x2A6E, "int16", scale=0.01))
    assert temperature.decode(bytes.fromhex("69 08"))["signal"] == pytest.approx(21.53)
    assert temperature.encode({"signal": -273.15}) == (-27315).to_bytes(2, "little", signed=True)


@pytest.mark.parametrize(
    ("characteristic", "kind", "raw"), [(0x2A6E, "int16", "00 80"), (0x2A6F, "uint16", "ff ff")]
)
def test_the_code_for_not_known_is_no_number(characteristic: int, kind: str, raw: str) -> None:
    found = alone(address(characteristic, kind, scale=0.01))
    assert found.decode(bytes.fromhex(raw)) == {"signal": None}
    assert found.encode({"signal": math.nan}) == bytes.fromhex(raw)
    code = int.from_bytes(bytes.fromhex(raw), "little", signed=kind == "int16") * 0.01
    with pytest.raises(ValueError, match="not known"):
        found.encode({"signal": code})


def test_a_float_that_is_no_number_is_not_known() -> None:
    assert alone(address(kind="float32")).decode(bytes.fromhex("00 00 c0 7f")) == {"signal": None}


@given(st.floats())
def test_a_number_is_sent_rightly_or_refused(value: float) -> None:
    for kind in GattType:
        characteristic = alone(address(kind=kind.value, scale=0.5))
        try:
            data = characteristic.encode({"signal": value})
        except ValueError:
            continue
        back = characteristic.decode(data)["signal"]
        if math.isnan(value):
            assert back is None
            continue
        assert back is not None
        assert back == pytest.approx(value, rel=3e-3 if kind is GattType.MEDFLOAT16 else 1e-6, abs=0.25)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        # IEEE 11073-20601, annex F.8, and the Health Thermometer Service's 36.4 degC.
        ("medfloat16", "72 00", 114.0), ("medfloat16", "6c f1", 36.4), ("medfloat16", "07 00", 7.0),
        ("medfloat32", "6c 01 00 ff", 36.4), ("medfloat32", "ff ff ff fe", -0.01),
        ("medfloat16", "ff 07", None), ("medfloat16", "00 08", None), ("medfloat16", "01 08", None),
        ("medfloat16", "fe 07", None), ("medfloat16", "02 08", None),
        ("medfloat32", "ff ff 7f 00", None), ("medfloat32", "00 00 80 00", None),
        ("medfloat32", "02 00 80 00", None),
    ],
)  # fmt: skip
def test_a_decimal_float_of_a_medical_device_is_read_by_ieee_11073(
    kind: str, raw: str, value: float | None
) -> None:
    assert alone(address(kind=kind)).decode(bytes.fromhex(raw))["signal"] == value


@given(st.sampled_from(["medfloat16", "medfloat32"]), st.integers(-2045, 2045), st.integers(-8, 7))
def test_every_decimal_that_fits_comes_back_as_it_was(kind: str, mantissa: int, exponent: int) -> None:
    value = float(f"{mantissa}e{exponent}")
    characteristic = alone(address(kind=kind))
    assert characteristic.decode(characteristic.encode({"signal": value})) == {"signal": value}


def test_a_decimal_float_says_that_there_is_no_number() -> None:
    assert alone(address(kind="medfloat16")).encode({"signal": math.nan}) == bytes.fromhex("ff 07")


def test_the_supplements_names_of_signed_numbers_are_known() -> None:
    assert address(kind="sint24") == address(kind="int24")


# Flags ----------------------------------------------------------------------------------------------

HEART = next(
    each for each in characteristics(load_profile(SHIPPED / "ble" / "heart-rate.yaml")) if each.flags
)
NAN = math.nan


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("06 48", {"contact": 3, "heart_rate": 72}),
        ("01 2c 01", {"contact": 0, "heart_rate": 300}),
        ("0e 48 10 27", {"contact": 3, "heart_rate": 72, "energy": 10000}),
        ("14 50 00 04 00 02", {"contact": 2, "heart_rate": 80, "rr_interval": 0.5}),
        ("1f 48 00 05 00 00 03", {"contact": 3, "heart_rate": 72, "energy": 5, "rr_interval": 0.75}),
    ],
)
def test_a_heart_rate_measurement_tells_what_its_flags_announce(raw: str, told: dict[str, float]) -> None:
    assert HEART.decode(bytes.fromhex(raw)) == told


def test_every_beat_of_a_measurement_is_told_in_order() -> None:
    told = HEART.told(bytes.fromhex("10 50 00 04 00 02 00 03"))
    assert [number for name, number in told if name == "rr_interval"] == [1.0, 0.5, 0.75]


@pytest.mark.parametrize("raw", ["01 48", "08 48 00", "10 48", "10 48 00"])
def test_a_value_that_ends_before_what_it_announces_says_so(raw: str) -> None:
    with pytest.raises(ValueError, match="the value ends before it"):
        HEART.decode(bytes.fromhex(raw))


@given(
    st.integers(0, 0xFFFF), st.one_of(st.just(NAN), st.integers(0, 0xFFFF)),
    st.one_of(st.just(NAN), st.integers(0, 0xFFFF).map(lambda raw: raw / 1024)), st.integers(0, 3),
)  # fmt: skip
def test_a_measurement_survives_with_and_without_its_parts(
    rate: int, energy: float, interval: float, contact: int
) -> None:
    values = {"heart_rate": rate, "energy": energy, "rr_interval": interval, "contact": contact}
    present = {name: number for name, number in values.items() if not math.isnan(number)}
    assert HEART.decode(HEART.encode(values)) == present
    assert len(HEART.encode(values)) == (2 if rate < 256 else 3) + 2 * (len(present) - 2)


@given(st.integers(0, 15), st.integers(0, 15))
def test_bits_share_a_byte(low: int, high: int) -> None:
    both = together(low=address(bits=[0, 3], offset=0), high=address(bits=[4, 7], offset=0))
    assert both.encode({"low": low, "high": high}) == bytes([high << 4 | low])
    assert both.decode(bytes([high << 4 | low])) == {"low": low, "high": high}
    with pytest.raises(ValueError, match="does not fit bits 0 to 3"):
        both.encode({"low": 16, "high": high})


def test_numbers_in_a_row_are_refused_where_the_row_cannot_be_read(tmp_path: Path) -> None:
    row = "{service: 1, characteristic: 2, flags: uint8, type: uint8"
    with pytest.raises(BenchFileError, match="a repeats up to the value's end, so b cannot follow it"):
        characteristics(profile(tmp_path, f"a: {row}, repeats: true}}", f"b: {row}}}"))
    with pytest.raises(BenchFileError, match="b and a differ in the type of their flags"):
        characteristics(profile(tmp_path, f"a: {row}}}", f"b: {row.replace('s: uint8', 's: uint16')}}}"))
    with pytest.raises(BenchFileError, match="the whole value to itself"):
        characteristics(profile(tmp_path, f"a: {row}, access: write, safe: 0}}"))


# Several numbers in one value, and lengths ------------------------------------------------------------


@given(st.integers(0, 255), st.integers(-(1 << 15), (1 << 15) - 1))
def test_two_signals_share_one_value_by_offset(first: int, second: int) -> None:
    both = together(a=address(offset=0), b=address(kind="int16", offset=3))
    data = both.encode({"a": first, "b": second})
    assert len(data) == both.size == 5
    assert both.decode(data) == both.decode(data + b"more") == {"a": first, "b": second}


@given(st.binary(max_size=20), st.sampled_from(list(GattType)))
def test_a_wrong_length_names_what_was_expected_and_what_came(data: bytes, kind: GattType) -> None:
    assume(len(data) != kind.size)
    with pytest.raises(
        ValueError, match=f"0x2A19 of service 0x180F: expected {kind.size} bytes, got {len(data)} "
    ):
        alone(address(kind=kind.value)).decode(data)


def test_given_an_offset_a_short_value_names_the_least_length() -> None:
    with pytest.raises(ValueError, match="expected at least 3 bytes, got 2"):
        alone(address(offset=2)).decode(b"ab")


# What a profile may say -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0},
        {"scale": math.inf},
        {"type": "int25"},
        {"type": "smedfloat16"},
        {"present": 3},
        {"flags": "uint8", "offset": 1},
        {"bits": [3, 8]},
        {"flags": "uint8", "present": 8},
        {"flags": "uint64"},
        {"flags": "uint8", "type": "uint48", "wide": 0},
        {"service": "18"},
        {"offset": -1},
        {"handle": 3},
    ],
)
def test_a_wrong_address_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        address(**wrong)  # type: ignore[arg-type]


def test_a_name_that_no_advertising_packet_holds_is_refused() -> None:
    assert GattSettings(advertised_name="x" * 26)
    with pytest.raises(ValidationError, match="26 bytes"):
        GattSettings(advertised_name="ä" * 14)


def profile(tmp_path: Path, *signals: str) -> Profile:
    file = tmp_path / "profile.yaml"
    file.write_text("profile: test\nprotocol: ble\nsignals:\n" + "".join(f"  {line}\n" for line in signals))
    return load_profile(file)


def test_characteristics_keep_the_order_of_the_profile(tmp_path: Path) -> None:
    found = characteristics(
        profile(
            tmp_path,
            "a: {service: 0x181A, characteristic: 0x2A6F, type: uint16}",
            "b: {service: 0x180F, characteristic: 0x2A19, type: uint8}",
            "c: {service: 0x181A, characteristic: 0x2A6F, type: uint16, offset: 2}",
        )
    )
    assert [(each.uuid, list(each.fields)) for each in found] == [
        (uuid128(0x2A6F), ["a", "c"]),
        (uuid128(0x2A19), ["b"]),
    ]


def test_two_writable_signals_in_one_characteristic_are_refused_at_their_line(tmp_path: Path) -> None:
    with pytest.raises(BenchFileError, match="b and a are written to the same characteristic") as caught:
        characteristics(
            profile(
                tmp_path,
                "a: {service: 1, characteristic: 2, type: uint8, access: write, safe: 0}",
                "b: {service: 1, characteristic: 2, type: uint8, access: write, safe: 0}",
            )
        )
    assert "profile.yaml:5" in str(caught.value)


def test_a_writable_signal_inside_a_longer_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchFileError, match="offset 0"):
        characteristics(
            profile(
                tmp_path, "a: {service: 1, characteristic: 2, type: uint8, offset: 1, access: write, safe: 0}"
            )
        )


def test_a_misspelt_key_is_refused_with_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(BenchFileError, match="characteristic"):
        characteristics(profile(tmp_path, "a: {service: 1, charateristic: 2, type: uint8}"))
