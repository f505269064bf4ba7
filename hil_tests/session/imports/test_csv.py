"""CSV recordings of other tools: heads, units, times, and errors with line and column."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.clock import NS
from testbed.errors import DamagedInput, TestbedError, UsageError
from testbed.session.imports import CsvOptions, open_csv
from testbed.session.imports.names import identifier, read_header
from testbed.session.imports.times import read_iso, time_reader
from testbed.signals import Quality, Sample, Signal

NOON = 1_795_435_200 * NS  # 2026-11-23T12:00:00Z


def csv(folder: Path, text: str, name: str = "logger.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def signals(path: Path, **options: object) -> list[tuple[str, str]]:
    """Return (path, unit) of each signal."""
    return [(each.path, each.unit) for each in open_csv(path, CsvOptions(**options)).signals]  # type: ignore[arg-type]


def samples(path: Path, **options: object) -> list[tuple[int, int, float]]:
    """Return (signal, time, value) of each sample."""
    source = open_csv(path, CsvOptions(**options))  # type: ignore[arg-type]
    return [(each.signal, each.time_ns, each.value) for each in source.records()]  # type: ignore[union-attr]


# Heads and units ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "device", "name", "unit"),
    [
        ("temp [degC]", "", "temp", "degC"),
        ("temp (°C)", "", "temp", "degC"),
        ("Temp. 1 [°F]", "", "Temp_1", "degF"),
        ("probe.temperature [K]", "probe", "temperature", "K"),
        ("probe/temperature", "probe", "temperature", ""),
        ("Kühlung", "", "Kuhlung", ""),
        ("2nd [V]", "", "_2nd", "V"),
        ("humidity[%]", "", "humidity", "%"),
        ("flow ()", "", "flow", ""),
        ("Ω", "", "signal", ""),
    ],
)
def test_a_head_names_signal_and_unit(head, device, name, unit):
    found = read_header(head)
    assert (found.device, found.name, found.unit) == (device, name, unit)


@given(st.text())
def test_every_text_becomes_a_name_that_a_bench_file_can_hold(text):
    assert identifier(text).isascii()
    assert identifier(text).isidentifier()


def test_signals_belong_to_the_device_of_their_head_or_else_of_the_file(tmp_path):
    path = csv(tmp_path, "time,temp [degC],fan.speed [rpm]\n0,1,2\n", "cold room 3.csv")
    assert signals(path) == [("cold_room_3.temp", "degC"), ("fan.speed", "rpm")]
    assert signals(path, device="room")[0] == ("room.temp", "degC")


def test_a_head_that_is_no_name_stays_as_the_title(tmp_path):
    (signal,) = open_csv(csv(tmp_path, "time,Temp. 1 (°C)\n0,1\n")).signals
    assert signal == Signal(0, "logger", "Temp_1", "degC", title="Temp. 1")


def test_units_may_stand_in_a_row_of_their_own(tmp_path):
    path = csv(tmp_path, "Time,Channel A,Channel B\n(ms),(V),(mA)\n\n1.5,2,3\n2.5,4,5\n")
    assert signals(path) == [("logger.Channel_A", "V"), ("logger.Channel_B", "mA")]
    assert samples(path)[0] == (0, 1_500_000, 2.0)


# Times ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "text", "time_ns"),
    [
        ("s", "1795435200.000000001", NOON + 1),
        ("s", "0.1", 100_000_000),
        ("s", "1e-9", 1),
        ("ms", "1795435200000.5", NOON + 500_000),
        ("us", "3", 3000),
        ("ns", "1795435200000000001", NOON + 1),
        ("min", "2", 120 * NS),
        ("h", "0.5", 1800 * NS),
        ("iso", "2026-11-23T12:00:00Z", NOON),
        ("iso", "2026-11-23 12:00:00", NOON),
        ("iso", "2026-11-23T13:00:00.000000001+01:00", NOON + 1),
        ("iso", "2026-11-23T12:00:00,25", NOON + 250_000_000),
        ("iso", "20261123T120000.5Z", NOON + 500_000_000),
    ],
)
def test_times_are_read_to_the_nanosecond(unit, text, time_ns):
    assert time_reader(unit, 0)(text) == time_ns


@given(st.integers(0, 2**63 - 1))
def test_no_nanosecond_is_lost_in_any_unit(time_ns):
    seconds, rest = divmod(time_ns, NS)
    assert time_reader("s", 0)(f"{seconds}.{rest:09d}") == time_ns
    assert time_reader("ns", 0)(str(time_ns)) == time_ns


@pytest.mark.parametrize("text", ["noon", "", "nan", "inf", "-1", "1e300", "1e999999999"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"is no number of s|lies before 1970 or after 2262"):
        time_reader("s", 0)(text)


@pytest.mark.parametrize("text", ["noon", "14:03", "2026-13-01", "1969-12-31T23:59:59Z", "9999-01-01"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match=r"is no time of ISO 8601|lies before 1970"):
        read_iso(text)


@pytest.mark.parametrize(
    ("head", "text", "time_ns"),
    [
        ("time", "1.5", 1_500_000_000),
        ("Time [ms]", "1.5", 1_500_000),
        ("t (µs)", "1.5", 1500),
        ("timestamp_ns", "7", 7),
        ("Timestamp", "2026-11-23T12:00:00Z", NOON),
        ("time (UTC)", "2026-11-23 12:00:00", NOON),
        ("DATE", "2026-11-23", NOON - 12 * 3600 * NS),
    ],
)
def test_the_column_of_times_is_found_and_its_unit_too(tmp_path, head, text, time_ns):
    assert samples(csv(tmp_path, f"a,{head}\n1,{text}\n")) == [(0, time_ns, 1.0)]


def test_options_say_what_the_file_does_not(tmp_path):
    path = csv(tmp_path, "Zeit,a,b,note\n1,2,3,warm\n2,4,5,cold\n")
    options = {"time": "Zeit", "time_unit": "ms", "start_ns": NOON, "columns": ("b", "a")}
    assert signals(path, **options) == [("logger.b", ""), ("logger.a", "")]
    assert samples(path, **options) == [
        (0, NOON + 1_000_000, 3.0),
        (1, NOON + 1_000_000, 2.0),
        (0, NOON + 2_000_000, 5.0),
        (1, NOON + 2_000_000, 4.0),
    ]


# Cells ----------------------------------------------------------------------------------------------


def test_an_empty_cell_is_no_sample_and_nan_a_bad_one(tmp_path):
    source = open_csv(csv(tmp_path, "time,a,b\n0,,1\n1,nan,2\n2,TRUE,-0.0\n"))
    assert [repr(each) for each in source.records()] == [
        repr(each)
        for each in (
            Sample(1, 0, 1.0),
            Sample(0, NS, math.nan, Quality.BAD, "the recording holds no number here"),
            Sample(1, NS, 2.0),
            Sample(0, 2 * NS, 1.0),
            Sample(1, 2 * NS, -0.0),
        )
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    text = "time,a [V],b\n0,1.5,2\n".replace(",", delimiter)
    assert samples(csv(tmp_path, text)) == [(0, 0, 1.5), (1, 0, 2.0)]


def test_where_the_comma_parts_no_cells_it_may_be_a_decimal_comma(tmp_path):
    assert samples(csv(tmp_path, "time;a\n0;21,5\n1;21.5\n")) == [(0, 0, 21.5), (0, NS, 21.5)]


def test_comments_empty_lines_quotes_and_a_byte_order_mark_are_no_matter(tmp_path):
    text = '\ufeff# made by a logger\n\n"time","a, b [V]"\r\n# pause\r\n0,"1"\r\n\r\n'
    assert signals(csv(tmp_path, text)) == [("logger.a_b", "V")]
    assert samples(csv(tmp_path, text)) == [(0, 0, 1.0)]


def test_lines_before_the_heads_are_skipped_on_demand(tmp_path):
    path = csv(tmp_path, "Logger 3000\nserial,7\ntime,a\n0,x\n")
    assert signals(path, skip=2) == [("logger.a", "")]
    with pytest.raises(DamagedInput, match=r"logger\.csv:4: column 2 \(a\): 'x' is no number"):
        samples(path, skip=2)


def test_another_encoding_is_read_when_it_is_named(tmp_path):
    path = csv(tmp_path, "time,temp (°C)\n0,1\n", encoding="cp1252")
    assert signals(path, encoding="cp1252") == [("logger.temp", "degC")]
    with pytest.raises(DamagedInput, match=r"after line 0: is no utf-8-sig text") as caught:
        signals(path)
    assert "--encoding cp1252" in str(caught.value)


# Our own columns ------------------------------------------------------------------------------------

OURS = "time_ns,device,signal,value,unit,quality\n"


def test_our_own_columns_are_read_exactly(tmp_path):
    text = f"{OURS}1,probe,temp,21.5,degC,good\n2,fan,on,1.0,,good\n3,probe,temp,,degC,bad\n"
    source = open_csv(csv(tmp_path, text))
    assert source.signals == [Signal(0, "probe", "temp", "degC"), Signal(1, "fan", "on")]
    assert [repr(each) for each in source.records()] == [
        repr(Sample(0, 1, 21.5)),
        repr(Sample(1, 2, 1.0)),
        repr(Sample(0, 3, math.nan, Quality.BAD)),
    ]


def test_unit_and_quality_may_be_missing(tmp_path):
    source = open_csv(csv(tmp_path, "value,signal,device,time_ns\n1,a,d,5\n,a,d,6\n"))
    assert [each.quality for each in source.records()] == [Quality.GOOD, Quality.BAD]  # type: ignore[union-attr]


# Errors ---------------------------------------------------------------------------------------------

WRONG = [
    ("", DamagedInput, "holds no line of heads"),
    ("# nothing\n", DamagedInput, "holds no line of heads"),
    ("a,b\n1,2\n", UsageError, "none of a, b is a column of times"),
    ("time\n1\n", DamagedInput, "has no column but that of the times"),
    ("time,a,a\n1,2,3\n", DamagedInput, r"logger\.csv:1: column 3 \(a\): column 2 is called the same"),
    ("time,a [V],a (A)\n1,2,3\n", DamagedInput, r"column 3 .* would be logger\.a, as 'a \[V\]' is"),
    ("time,a\n1,warm\n", DamagedInput, r"logger\.csv:2: column 2 \(a\): 'warm' is no number"),
    ("time,a\n0,1\nnoon,1\n", DamagedInput, r"logger\.csv:3: column 1 \(time\): 'noon' is no number of s"),
    ("time,a\nnoon,1\n", DamagedInput, r"logger\.csv:2: column 1 \(time\): 'noon' is no time of ISO 8601"),
    ("time,a\n1763000000000,1\n", DamagedInput, "lies before 1970 or after 2262"),
    ("time,a\n-0.5,1\n", DamagedInput, "lies before 1970 or after 2262"),
    ("time,a\n1,2,3\n", DamagedInput, r"logger\.csv:2: has 3 cells, and there are 2 heads"),
    ('time,a\n1,"2\n', DamagedInput, r"logger\.csv:\d: is no CSV"),
    (f"{OURS}1,d,s,warm,V,good\n", DamagedInput, r"logger\.csv:2: column 4 \(value\): .*'warm'"),
    (f"{OURS}x,d,s,1,V,good\n", DamagedInput, r"column 1 \(time_ns\): 'x' is no number of ns"),
    (f"{OURS}1,d,s,1,V,fine\n", DamagedInput, r"column 6 \(quality\): 'fine' is none of good, un"),
    (f"{OURS}1,d,a b,1,,good\n2,d,a_b,1,,good\n", DamagedInput, r":3: column 3 .*: would be d\.a_b"),
    (f"{OURS}1,d,s,1,V,good\n2,d,s,1,mV,good\n", DamagedInput, r":3: column 5 .*: 'mV', and d\.s was V"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "told"), WRONG)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path, text, kind, told):
    with pytest.raises(kind, match=told):
        samples(csv(tmp_path, text))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"time": "tiem"}, r"has no column 'tiem'\n  next  did you mean 'time'\?"),
        ({"columns": ("b",)}, r"has no column 'b'"),
        ({"time_unit": "days"}, r"'days' is no unit of time\n  next  choose from s, ms"),
        ({"encoding": "latin-99"}, r"no encoding is called 'latin-99'"),
    ],
)
def test_an_option_that_fits_nothing_is_wrong_usage(tmp_path, options, told):
    with pytest.raises(UsageError, match=told):
        samples(csv(tmp_path, "time,a\n0,1\n"), **options)


def test_a_time_in_the_wrong_unit_hints_at_the_option(tmp_path):
    with pytest.raises(DamagedInput, match="--time-unit"):
        samples(csv(tmp_path, "time,a\n1763000000000,1\n"))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_crash(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    path.write_bytes(content)
    try:
        for _ in open_csv(path).records():
            pass
    except TestbedError as error:
        assert str(path) in str(error)  # noqa: PT017  (both ends are right)


@given(st.text(alphabet='time,a;"\n0123456789.eE-+#[]()\t', max_size=80))
def test_texts_that_look_like_tables_are_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    path.write_text("time" + text)
    try:
        for _ in open_csv(path).records():
            pass
    except TestbedError as error:
        assert str(path) in str(error)  # noqa: PT017
