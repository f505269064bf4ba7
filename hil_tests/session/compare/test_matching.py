"""Matching by time: what brute force finds, column arithmetic finds too, wherever the blocks are cut."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.errors import UsageError
from testbed.session.compare import Rules, Tolerance, compare, feed
from testbed.session.compare.columns import Columns
from testbed.session.compare.matching import match
from testbed.signals import Quality, Sample

from .memory import SECOND, Memory


class Record(NamedTuple):
    time: int
    value: float
    kind: int


records = st.lists(
    st.builds(Record, st.integers(0, 40), st.integers(-6, 6).map(float), st.integers(0, 1)), max_size=25
).map(sorted)
tolerances = st.builds(Tolerance, st.sampled_from([0.0, 1.0, 2.5]), st.sampled_from([0.0, 0.5]))


def columns(found: list[Record]) -> Columns:
    return Columns.of(*([each[at] for each in found] for at in range(3)))


def allowed(tolerance: Tolerance, one: float, other: float) -> float:
    return max(tolerance.absolute, tolerance.relative * max(abs(one), abs(other)))


@settings(deadline=None)
@given(records, records, st.integers(0, 12), tolerances)
def test_every_record_finds_what_brute_force_finds(
    ours: list[Record], theirs: list[Record], within: int, tolerance: Tolerance
):
    found = match(columns(ours), columns(theirs), within, tolerance)
    for at, record in enumerate(ours):
        near = [
            each for each in theirs if each.kind == record.kind and abs(each.time - record.time) <= within
        ]
        agreeing = [
            each
            for each in near
            if abs(each.value - record.value) <= allowed(tolerance, each.value, record.value)
        ]
        assert found.found[at] == bool(near)
        assert found.agree[at] == bool(agreeing)
        if not near:
            assert math.isnan(found.errors[at])
        elif agreeing:
            assert found.errors[at] in [abs(each.value - record.value) for each in agreeing]
            assert found.shifts[at] in [abs(each.time - record.time) for each in agreeing]
        elif not tolerance.exact:  # where values must be equal, the nearest in time tells the error
            assert found.errors[at] == min(abs(each.value - record.value) for each in near)


samples = st.lists(
    st.tuples(st.integers(0, 80), st.integers(-3, 3), st.sampled_from(Quality)), max_size=30
).map(lambda rows: [_sample(*row) for row in sorted(rows)])


def _sample(half_seconds: int, value: int, quality: Quality) -> Sample:
    there = quality is not Quality.BAD
    return Sample(0, half_seconds * SECOND // 2, float(value) if there else math.nan, quality)


@pytest.mark.parametrize("within", [0, 700_000_000, 3 * SECOND])
@pytest.mark.parametrize("tolerance", ["0", "1"])
@settings(deadline=None, max_examples=50)
@given(ours=samples, theirs=samples, block=st.integers(1, 6), cut=st.integers(1, 8))
def test_the_findings_do_not_depend_on_how_columns_are_cut(
    ours: list[Sample], theirs: list[Sample], block: int, cut: int, within: int, tolerance: str
):
    rules = Rules((("probe.*", tolerance),), within)
    whole = compare(Memory(ours, block=100), Memory(theirs, block=100), rules)
    usual, feed.BLOCK = feed.BLOCK, block
    try:
        pieces = compare(Memory(ours, block=cut), Memory(theirs, block=cut), rules)
        strict = compare(Memory(ours, block=cut), Memory(theirs, block=cut))
    finally:
        feed.BLOCK = usual
    # Sums of squares come out in another order.
    assert _rounded(pieces.as_dict()) == _rounded(whole.as_dict())
    same = [(each.time_ns, each.quality, str(each.value)) for each in ours]
    assert (strict.verdict == "same") == (
        same == [(each.time_ns, each.quality, str(each.value)) for each in theirs]
    )


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


def test_a_pulse_of_the_other_session_only_is_found():
    times = np.arange(0, 10, 0.01)
    flat = [Sample(0, round(t * SECOND), 20.0) for t in times]
    pulse = [Sample(0, each.time_ns, 25.0 if 5.0 <= each.time_ns / SECOND < 5.02 else 20.0) for each in flat]
    rules = Rules((("*", "0.5"),), 50_000_000)
    for a, b in ((flat, pulse), (pulse, flat)):
        found = compare(Memory(a, span=(0, 10 * SECOND)), Memory(b, span=(0, 10 * SECOND)), rules)
        assert found.verdict == "diverged"
        assert found.as_dict()["signals"]["probe.temperature"]["max_error"] == 5.0
        assert found.first is not None
        assert found.first.time_ns == 5 * SECOND


def test_more_within_reach_than_numbers_can_tell_apart_is_an_error():
    far = Columns.of([0, 1 << 60, 1 << 61], [0.0] * 3, [0, 1, 2])
    with pytest.raises(UsageError, match="let times differ by less"):
        match(far, far, 600 * SECOND, Tolerance(1.0))
