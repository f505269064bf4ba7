import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.support.profiles import profile_of
from testbed.bench.problems import BenchFileError
from testbed.protocols.scpi import (
    LONGEST,
    QUEUE_LENGTH,
    ErrorEntry,
    HeaderPattern,
    Identity,
    Line,
    LineReader,
    MessageError,
    MessageUnit,
    ScpiSettings,
    SetTemplate,
    Status,
    check_scpi,
    format_number,
    next_path,
    parse_number,
    parse_parameter,
    parse_unit,
)

# Lines ------------------------------------------------------------------------------------------


def test_given_half_a_line_then_it_waits_for_the_rest() -> None:
    reader = LineReader()
    assert reader.feed(b"+2.15E") == []
    assert reader.feed(b"+01\r\n+2.2") == [Line("+2.15E+01")]
    assert reader.feed(b"\n\n") == [Line("+2.2"), Line("")]


@given(
    st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126)), max_size=6),
    st.lists(st.integers(0, 400), max_size=6),
    st.sampled_from(["\n", "\r\n"]),
)
def test_lines_survive_the_wire_cut_anywhere(lines: list[str], cuts: list[int], end: str) -> None:
    raw = "".join(line + end for line in lines).encode()
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    reader = LineReader()
    found = [line for a, b in itertools.pairwise(edges) for line in reader.feed(raw[a:b])]
    assert found == [Line(line) for line in lines]


@pytest.mark.parametrize("piece", [1, 1000, LONGEST * 3])
def test_given_a_line_without_end_then_it_is_reported_once_and_the_next_is_read(piece: int) -> None:
    reader = LineReader()
    raw = b"x" * (LONGEST * 3) + b"\n+1\n"
    found = [line for i in range(0, len(raw), piece) for line in reader.feed(raw[i : i + piece])]
    assert [bool(line.defect) for line in found] == [True, False]
    assert found[1] == Line("+1")


@given(st.binary(max_size=200))
def test_noise_is_shown_as_plain_text(noise: bytes) -> None:
    for line in LineReader().feed(noise + b"\n"):
        assert line.text.isascii()


# Numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("25", 25), ("-3", -3), ("+25.0", 25), (".5", 0.5), ("5.", 5), ("+2.15E+01", 21.5),
        ("-1.5e-3", -0.0015), (" 7 ", 7), ("9.9E37", math.inf), ("-9.9E+37", -math.inf),
    ],
)  # fmt: skip
def test_nr1_nr2_and_nr3_are_numbers_and_overload_is_infinite(text: str, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize("text", ["9.91E37", "9.91E+37", "9.910000E+37"])
def test_the_instruments_not_a_number_is_nan(text: str) -> None:
    assert math.isnan(parse_number(text))


@pytest.mark.parametrize("text", ["", "abc", "1,2", "0x10", "1_0", "nan", "inf", "1E", "--1", "1E999", "٣"])
def test_given_no_number_then_the_error_shows_the_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"no number|larger") as caught:
        parse_number(text)
    assert repr(text) in str(caught.value)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30))
def test_a_number_comes_back_with_nine_digits(value: float) -> None:
    assert parse_number(format_number(value)) == pytest.approx(value, rel=1e-8)


def test_what_is_no_finite_number_has_its_own_answer() -> None:
    assert [format_number(v) for v in (math.nan, math.inf, -math.inf)] == ["9.91E37", "9.9E37", "-9.9E37"]


# Errors and identities --------------------------------------------------------------------------


@given(
    st.integers(-32768, 32767),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100),
)
def test_an_error_entry_comes_back(code: int, text: str) -> None:
    assert ErrorEntry.parse(ErrorEntry(code, text).answer()) == ErrorEntry(code, text)


@pytest.mark.parametrize("text", ["", "0", "No error", '0,"No error', "0,No error", 'x,"y"'])
def test_given_no_error_entry_then_it_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="error queue"):
        ErrorEntry.parse(text)


def test_an_identity_has_four_fields_of_which_cheap_instruments_leave_some_out() -> None:
    assert Identity.parse("ACME, PS-1,42,1.0,b") == Identity("ACME", "PS-1", "42", "1.0,b")
    assert Identity.parse("ACME").type == "ACME"


# Headers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("heard", ["MEAS:TEMP?", "meas:temp?", "MEASURE:TEMPERATURE?", "Measure:Temp?"])
def test_a_header_is_heard_in_its_short_and_its_long_form(heard: str) -> None:
    assert HeaderPattern.of("MEASure:TEMPerature?").matches(heard)


@pytest.mark.parametrize(
    "heard", ["MEASU:TEMP?", "MEAS:TEMP", "MEAS?", "TEMP?", "MEAS:TEMP:DC?", "*MEAS:TEMP?"]
)
def test_any_other_header_is_another(heard: str) -> None:
    assert not HeaderPattern.of("MEASure:TEMPerature?").matches(heard)


def test_a_suffix_of_one_may_be_left_out() -> None:
    assert HeaderPattern.of("OUTPut1:STATe").matches("OUTP:STAT")
    assert HeaderPattern.of("OUTPut:STATe").matches("OUTPUT1:STATE")
    assert not HeaderPattern.of("OUTPut2:STATe").matches("OUTP:STAT")


def test_a_units_path_stands_before_the_next_header_unless_it_begins_anew() -> None:
    first = parse_unit("MEAS:TEMP? CH1, CH2")
    assert first == MessageUnit("MEAS:TEMP?", ("CH1", "CH2"))
    path = next_path(first, "")
    assert parse_unit("HUM?", path).header == "MEAS:HUM?"
    assert parse_unit(":SYST:ERR?", path).header == "SYST:ERR?"
    assert parse_unit("*OPC?", path).header == "*OPC?"
    assert next_path(parse_unit("*OPC?", path), path) == "MEAS:"


def test_a_comma_in_a_string_separates_nothing() -> None:
    assert parse_unit("DISP:TEXT 'a,b', \"c;d\"").parameters == ("'a,b'", '"c;d"')


@given(st.text(max_size=60))
def test_whatever_is_said_is_a_unit_or_a_syntax_error(text: str) -> None:
    try:
        unit = parse_unit(text)
    except MessageError as refused:
        code = refused.code
    else:
        code = 0
        assert HeaderPattern.of(unit.header).matches(unit.header)
    assert code in (0, -102)


# Settings ---------------------------------------------------------------------------------------


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_a_setting_says_its_value_so_that_the_instrument_hears_it(value: float) -> None:
    template = SetTemplate.of("SOURce:VOLTage CH1,{value}")
    unit = parse_unit(template.message(value))
    assert template.matches(unit)
    assert parse_parameter(unit.parameters[-1]) == pytest.approx(value, rel=1e-11)


def test_a_settings_value_may_have_a_format_of_its_own() -> None:
    assert SetTemplate.of("VOLT {value:.3f}").message(5.0) == "VOLT 5.000"
    assert SetTemplate.of("OUTP {value}").message(1.0) == "OUTP 1"


def test_on_and_off_are_numbers_too() -> None:
    assert [parse_parameter(text) for text in ("ON", "off", "1")] == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "text",
    ["VOLT", "VOLT {volts}", "VOLT {value", "VOLT {value} V", "VOLT? {value}", "VOLT{value}", "VOLT {}",
     "VOLT {value.__class__}", "VOLT {value};*RST", "VOLT\n {value}", "VOLT x{value}", "VOLT {value:d}"],
)  # fmt: skip
def test_given_no_setting_then_the_error_shows_a_right_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"SOUR:VOLT \{value\}"):
        SetTemplate.of(text)


# Status -----------------------------------------------------------------------------------------


def test_errors_wait_in_order_and_set_the_bit_of_their_class() -> None:
    status = Status()
    assert status.read_events() == 128, "power on"
    status.error(ErrorEntry.standard(-113, "FOO"))
    status.error(ErrorEntry.standard(-222))
    assert status.read_events() == 32 + 16
    assert str(status.next_error()) == "-113 Undefined header;FOO"
    assert status.next_error().code == -222
    assert status.next_error().answer() == '0,"No error"'
    assert status.read_events() == 0


def test_given_too_many_errors_then_the_last_says_so() -> None:
    status = Status()
    for _ in range(QUEUE_LENGTH + 5):
        status.error(ErrorEntry.standard(-113))
    codes = [status.next_error().code for _ in range(QUEUE_LENGTH + 1)]
    assert codes == [-113] * (QUEUE_LENGTH - 1) + [-350, 0]


def test_the_status_byte_sums_up_what_is_enabled() -> None:
    status = Status()
    status.clear()
    assert status.byte == 0
    status.error(ErrorEntry.standard(-222))
    assert status.byte == 4
    status.event_enable, status.service_enable = 16, 32
    assert status.byte == 4 + 32 + 64


# Profiles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "top", "message"),
    [
        ("{}", "", "read or set"),
        ('{query: "A?", set: "A {value}"}', "", "read or set"),
        ('{query: "MEAS:TEMP"}', "", "question mark"),
        ('{query: "A?;B?"}', "", "not one query"),
        ('{query: ""}', "", "not one query"),
        ('{query: "A?", access: notify}', "", "access: read"),
        ('{set: "A {value}"}', "", "access: write"),
        ('{set: "A {volts}", access: write, safe: 0}', "", "SOUR:VOLT"),
        ('{querry: "A?"}', "", "did you mean 'query'"),
        ('{query: "A?"}', "timeout: 0 s\n", "above 0 s"),
        ('{query: "A?"}', "timeout: 1 V\n", "another quantity"),
        ('{query: "A?"}', "terminator: x\n", "unknown key"),
    ],
)
def test_given_a_wrong_profile_then_the_error_says_what_is_wrong_and_where(
    signal: str, top: str, message: str
) -> None:
    profile = profile_of(f"profile: t\nprotocol: scpi\n{top}signals:\n  s: {signal}\n")

    def check() -> None:
        check_scpi(profile)
        profile.settings(ScpiSettings)

    with pytest.raises(BenchFileError, match=message) as caught:
        check()
    assert "profile.yaml:" in str(caught.value)
