"""Blocks of bytes in answers: whatever is in them, line feeds too, and however the wire cuts them."""

from __future__ import annotations

import itertools
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hil_tests.support.profiles import profile_of
from testbed.bench.problems import BenchFileError
from testbed.protocols.numbers import NumberType
from testbed.protocols.scpi import BlockSpec, Line, LineReader, Take, check_scpi, encode_block, whole_lines
from testbed.protocols.scpi.describe import ScpiDescriber
from testbed.protocols.scpi.mask import ScpiMask

SCOPE = """
profile: test/scope
protocol: scpi
signals:
  level: {query: "CURVe?", block: {type: int16, order: little, take: max, scale: 0.5}, unit: V}
"""


def test_the_standard_s_form_is_read_and_written() -> None:
    assert encode_block(b"hello") == b"#15hello"
    assert encode_block(bytes(300))[:5] == b"#3300"
    assert LineReader().feed(b"#15he\nlo\n") == [Line("a block of 5 bytes", block=b"he\nlo")]


@given(
    st.lists(st.binary(max_size=40) | st.integers(-999, 999), max_size=5),
    st.lists(st.integers(0, 300), max_size=6),
)
def test_blocks_and_lines_survive_the_wire_cut_anywhere(sent: list[bytes | int], cuts: list[int]) -> None:
    raw = b"".join(
        (encode_block(each) if isinstance(each, bytes) else str(each).encode()) + b"\n" for each in sent
    )
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    reader = LineReader()
    found = [line for a, b in itertools.pairwise(edges) for line in reader.feed(raw[a:b])]
    assert [line.block if line.block is not None else int(line.text) for line in found] == sent
    assert b"".join(whole_lines(raw)) == raw
    assert len(whole_lines(raw)) == len(ScpiMask().answers(raw)) == len(sent)


@pytest.mark.parametrize("text", ["#H1F", "#0abc", "#", "#1x", "#9999999999 and more"])
def test_noise_that_looks_like_one_stops_nothing(text: str) -> None:
    assert LineReader().feed(f"{text}\n1\n".encode()) == [Line(text), Line("1")]


@given(st.sampled_from(NumberType), st.sampled_from(["big", "little"]), st.integers(1, 60))
def test_what_an_emulated_instrument_sends_is_read_back(kind: NumberType, order: str, value: int) -> None:
    spec = BlockSpec.model_validate({"type": kind, "order": order, "points": 5, "scale": 0.5})
    assert len(spec.bytes_of(value)) == 5 * kind.size
    assert spec.value(spec.bytes_of(value)) == pytest.approx(value)


def test_one_number_is_taken_of_many() -> None:
    data = struct.pack(">4f", 3.0, -4.0, 0.0, 5.0)
    taken = {take: BlockSpec.model_validate({"take": take}).value(data) for take in Take}
    assert taken == {
        "first": 3.0, "last": 5.0, "mean": 1.0, "min": -4.0, "max": 5.0,
        "rms": pytest.approx(math.sqrt(12.5)),
    }  # fmt: skip


def test_half_a_number_and_none_are_told() -> None:
    for data in (b"", bytes(7)):
        with pytest.raises(ValueError, match="no row of float32"):
            BlockSpec.model_validate({}).value(data)


def test_a_block_is_described_by_its_number() -> None:
    describer = ScpiDescriber(profile_of(SCOPE))
    describer.describe(True, b"CURVe?\n")
    data = encode_block(struct.pack("<3h", 2, 10, 4)) + b"\n"
    (meaning,) = describer.describe(False, data)
    assert (meaning.start, meaning.end) == (0, len(data))
    assert meaning.text == "level 5 V, the max of a block, answers CURVe?"
    assert meaning.values == {"level": 5.0}


def test_a_setting_has_no_block() -> None:
    with pytest.raises(BenchFileError, match="block: tells of the answer to a query"):
        check_scpi(
            profile_of("""
profile: test/wrong
protocol: scpi
signals:
  level: {set: "LEV {value}", block: {}, unit: V, access: write, limits: [0, 1], safe: 0}
""")
        )
    with pytest.raises(ValidationError):
        BlockSpec.model_validate({"type": "int24"})
