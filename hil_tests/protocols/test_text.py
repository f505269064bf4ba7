"""Lines of text: fields, checksums, what stands around them; sentences as another program reads them."""

from __future__ import annotations

import math
from pathlib import Path

import pynmea2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.bench.problems import BenchFileError
from testbed.bench.profile import Profile, find_profile, load_profile
from testbed.protocols.text import BadLine, Line, LineReader, TextProfile, encode_line
from testbed.protocols.text.lines import LONGEST, Checksum

FIELD = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", max_size=8)
FIELDS = st.lists(FIELD, min_size=1, max_size=8).map(tuple).filter(lambda fields: any(fields))
EITHER = st.sampled_from(list(Checksum))


def receiver() -> TextProfile:
    found = find_profile("text/gnss-receiver", Path())
    assert found is not None
    return TextProfile.of(load_profile(found))


@given(FIELDS, EITHER, st.lists(st.integers(1, 20), max_size=20))
def test_what_is_encoded_is_read_however_it_was_cut(fields, checksum, cuts):
    data = encode_line(fields, ";", checksum) * 3
    reader, found = LineReader(";", checksum), []
    for size in [*cuts, len(data)]:
        found += reader.feed(data[:size])
        data = data[size:]
    assert found == [Line(fields)] * 3


@given(FIELDS, st.data())
def test_a_changed_character_of_a_sentence_is_found(fields, data):
    line = bytearray(encode_line(fields, ",", Checksum.NMEA))
    place = data.draw(st.integers(1, len(line) - 6))
    line[place] ^= data.draw(st.sampled_from([1, 2, 4, 8]))
    (found,) = LineReader(",", Checksum.NMEA).feed(bytes(line)) or [BadLine("")]
    assert isinstance(found, BadLine) or found == Line(fields)


@given(st.binary(max_size=200), EITHER)
def test_any_bytes_are_lines_or_say_why_not(data, checksum):
    for found in LineReader(",", checksum).feed(data + b"\n"):
        assert isinstance(found, Line) or found.reason


def test_a_sentence_behind_a_torn_one_is_found():
    good = encode_line(("GPGGA", "1"), ",", Checksum.NMEA)
    assert LineReader(",", Checksum.NMEA).feed(b"$GPRMC,1,2" + good) == [Line(("GPGGA", "1"))]


def test_a_line_without_an_end_is_given_up_and_the_next_one_read():
    reader = LineReader(",", Checksum.NONE)
    (found,) = reader.feed(b"x" * (LONGEST + 1))
    assert isinstance(found, BadLine)
    assert reader.feed(b"rest of it\n1,2\n") == [Line(("1", "2"))]


# Against pynmea2 --------------------------------------------------------------------------------------


@given(st.floats(-89.9, 89.9), st.floats(-179.9, 179.9), st.floats(-400, 9000))
def test_an_emulated_receiver_sends_what_pynmea2_reads(latitude, longitude, altitude):
    values = {"latitude": latitude, "longitude": longitude, "altitude": altitude, "hdop": 0.9}
    gga = next(layout for layout in receiver().lines if layout.line == "GGA")
    fields = gga.compose(lambda name: values.get(name, 1.0))
    read = pynmea2.parse(encode_line((*fields, "M"), ",", Checksum.NMEA).decode())
    assert (read.latitude, read.longitude) == pytest.approx((latitude, longitude), abs=2e-7)
    assert read.altitude == pytest.approx(altitude, abs=0.051)


def test_a_real_sentence_is_read_as_pynmea2_reads_it():
    # The example of NMEA 0183 that every receiver's manual shows.
    sentence = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"
    (line,) = LineReader(",", Checksum.NMEA).feed(sentence.encode() + b"\r\n")
    assert isinstance(line, Line)
    gga = next(layout for layout in receiver().lines if layout.line == "GGA")
    found = {each.signal: each.read(line.fields) for each in gga.fields}
    theirs = pynmea2.parse(sentence)
    assert (found["latitude"], found["longitude"]) == pytest.approx((theirs.latitude, theirs.longitude))
    assert (found["altitude"], found["satellites"], found["fix"]) == (545.4, 8.0, 1.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "field 2 is empty"), ("48", "is no angle"), ("4807.038", "is no angle"), ("abc", "is no angle")],
)
def test_a_field_without_a_value_says_so(text, told):
    gga = next(layout for layout in receiver().lines if layout.line == "GGA")
    latitude = next(each for each in gga.fields if each.signal == "latitude")
    with pytest.raises(ValueError, match=told):
        latitude.read(("GPGGA", "", text, ""))


PLAIN = """
profile: scale
protocol: text
title: A scale that prints its weight
separator: ";"
signals:
  weight: {field: 0, unit: g, scale: 1000, access: notify, rate: 5 Hz}
  status: {field: 1, as: hex, access: notify, rate: 5 Hz}
"""


def profile_of(tmp_path, text: str) -> Profile:
    file = tmp_path / "scale.yaml"
    file.write_text(text)
    return load_profile(file)


def test_plain_fields_need_no_name_and_have_scales(tmp_path):
    (layout,) = TextProfile.of(profile_of(tmp_path, PLAIN)).lines
    assert layout.fits(("12.5", "1F"))
    assert [each.read(("12.5", "1F")) for each in layout.fields] == [12500.0, 31.0]
    assert layout.compose({"weight": 12500.0, "status": 31.0}.__getitem__) == ("12.500", "1F")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("rate: 5 Hz}\n  status", "}\n  status"), "weight needs a rate"),
        (("as: hex", "as: octal"), "octal"),
        (("access: notify, rate: 5 Hz}\n  status", "rate: 5 Hz}\n  status"), "weight comes unasked"),
        (("rate: 5 Hz}\n  status", "rate: 2 Hz}\n  status"), "has another rate"),
        (('separator: ";"', "separator: ''"), "separator"),
    ],
)
def test_a_wrong_profile_is_told_with_its_place(tmp_path, change, told):
    with pytest.raises(BenchFileError, match=r"scale\.yaml:\d+") as error:
        TextProfile.of(profile_of(tmp_path, PLAIN.replace(*change)))
    assert told in str(error.value)


def test_numbers_that_are_none_are_no_values(tmp_path):
    (layout,) = TextProfile.of(profile_of(tmp_path, PLAIN)).lines
    for text in ("nan", "inf", "x"):
        with pytest.raises(ValueError):  # noqa: PT011  (whatever float says)
            layout.fields[0].read((text, "0"))
    assert math.isfinite(layout.fields[0].read(("1e3", "0")))
