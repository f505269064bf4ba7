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
from testbed.bench.profile import Profile, load_profile
from testbed.protocols.gatt import (
    Characteristic,
    GattAddress,
    GattSettings,
    characteristics,
    uuid16,
    uuid128,
    uuid_words,
)
from testbed.protocols.numbers import NumberType

WHOLE = [kind for kind in NumberType if not kind.is_float and kind.size < 8]


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
    data: st.DataObject, kind: NumberType, scale: float
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
    for kind in NumberType:
        characteristic = alone(address(kind=kind.value, scale=0.5))
        try:
            data = characteristic.encode({"signal": value})
        except ValueError:
            continue
        back = characteristic.decode(data)["signal"]
        assert back is not None
        assert back == pytest.approx(value, rel=1e-6, abs=0.25)


# Several numbers in one value, and lengths ------------------------------------------------------------


@given(st.integers(0, 255), st.integers(-(1 << 15), (1 << 15) - 1))
def test_two_signals_share_one_value_by_offset(first: int, second: int) -> None:
    both = together(a=address(offset=0), b=address(kind="int16", offset=3))
    data = both.encode({"a": first, "b": second})
    assert len(data) == both.size == 5
    assert both.decode(data) == both.decode(data + b"more") == {"a": first, "b": second}


@given(st.binary(max_size=20), st.sampled_from(list(NumberType)))
def test_a_wrong_length_names_what_was_expected_and_what_came(data: bytes, kind: NumberType) -> None:
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
    [{"scale": 0}, {"scale": math.inf}, {"type": "int24"}, {"service": "18"}, {"offset": -1}, {"handle": 3}],
)
def test_a_wrong_address_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        address(**{"kind": "uint8", **wrong} if "type" not in wrong else {"kind": str(wrong["type"])})


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
