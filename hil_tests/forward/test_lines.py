"""Line protocol: every number comes back as it was, and no text can break out of its place."""

import re
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.session.forward.lines import column, point, series

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), FINITE), min_size=1))
def test_a_column_keeps_every_bit_of_numbers_and_times(rows):
    times, values = [time_ns for time_ns, _ in rows], array("d", [value for _, value in rows])
    lines = column("scpi/thermometer,device=probe", "temperature", times, values)
    for line, time_ns, value in zip(lines, times, values, strict=True):
        beginning, field, at = line.split(" ")
        assert beginning == "scpi/thermometer,device=probe"
        name, _, number = field.partition("=")
        assert (name, int(at)) == ("temperature", time_ns)
        assert float(number).hex() == value.hex()
        assert re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", number)  # what Go and Rust take for a float


def unescaped(text: str) -> list[str]:
    """Split at the commas and equals signs that are not escaped, and take the escapes away."""
    return [re.sub(r"\\([,= ])", r"\1", part) for part in re.split(r"(?<!\\)[,=]", text)]


PLAIN = st.text(st.characters(blacklist_characters="\r\n\t\\", blacklist_categories=["Cs"]), min_size=1)


@given(PLAIN, PLAIN)
def test_a_tag_comes_back_as_it_was(key, value):
    _, *tag = unescaped(series("m", {key: value}))
    assert tag == [key, value]


@given(st.text(), st.text(), st.text())
def test_no_text_reaches_beyond_its_tag_or_begins_a_new_line(measurement, key, value):
    line = series(measurement or "m", {key or "k": value})
    assert "\n" not in line
    assert not line.endswith("\\")
    assert len(re.findall(r"(?<!\\) ", line)) == 0


def test_tags_stand_in_order_and_empty_ones_are_left_out():
    assert (
        series("a b,c", {"unit": "", "session": "x y", "bench": "r=1"}) == r"a\ b\,c,bench=r\=1,session=x\ y"
    )


def test_every_type_of_field_has_its_own_form():
    fields = {"f": 1.5, "i": 3, "b": True, "s": 'say "hi" \\', "n": None, "nan": float("nan")}
    assert point("m", fields, 7) == r'm f=1.5,i=3i,b=true,s="say \"hi\" \\" 7'


def test_a_point_without_any_field_is_refused():
    with pytest.raises(ValueError, match="no field"):
        point("m", {"f": float("inf")}, 7)
