"""Where two columns of samples part, and what is compared at all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.session.decode.difference import Arrivals, Comparison, compare
from testbed.session.decode.series import Column, Series
from testbed.signals import Quality, Sample


def good(time_ns: int, value: float) -> Sample:
    return Sample(0, time_ns, value)


def bad(time_ns: int, reason: str) -> Sample:
    return Sample(0, time_ns, math.nan, Quality.BAD, reason)


def series(*samples: Sample) -> Series:
    column = Column()
    for sample in samples:
        column.add(sample)
    return column.series()[0]


def compared(
    recorded: list[Sample],
    sure: list[Sample],
    doubted: list[Sample] | None = None,
    *,
    heard: dict[int, int] | None = None,
    cut_before: bool = False,
    cut_behind: bool = False,
) -> Comparison:
    """Compare; `heard` are the times of bytes and how many came, by default 8 at the time of each sample."""
    column = Column()
    for sample in sure:
        column.add(sample)
    for sample in doubted or []:
        column.doubt(sample)
    came = heard if heard is not None else {sample.time_ns: 8 for sample in [*recorded, *sure]}
    times = np.array(sorted(came), np.int64)
    sizes = np.array([came[time] for time in sorted(came)], np.int64)
    decoded, doubtful = column.series()
    return compare(0, series(*recorded), decoded, doubtful, Arrivals(times, sizes, cut_before, cut_behind))


def parted(recorded: list[Sample], sure: list[Sample]) -> tuple[Sample | None, Sample | None] | None:
    first = compared(recorded, sure).first
    return None if first is None else (first.recorded, first.decoded)


def test_equal_columns_are_the_same() -> None:
    samples = [good(100, 1.5), bad(200, "CRC mismatch"), good(300, -0.0)]
    assert compared(samples, samples) == Comparison(3, 3, 0, None)


def test_no_columns_are_the_same() -> None:
    assert compared([], []) == Comparison(0, 0, 0, None)


def test_the_first_of_several_differences_is_named() -> None:
    recorded = [good(100, 1.0), good(200, 2.0), good(300, 3.0)]
    decoded = [good(100, 1.0), good(200, 2.5), good(300, 3.5)]
    assert parted(recorded, decoded) == (recorded[1], decoded[1])


@pytest.mark.parametrize(
    ("recorded", "decoded"),
    [
        (good(100, 0.1 + 0.2), good(100, 0.3)),
        (good(100, 0.0), good(100, -0.0)),
        (good(100, 1.0), good(100, math.inf)),
        (good(100, 1.0), bad(100, "CRC mismatch")),
        (bad(100, "CRC mismatch: 1"), bad(100, "CRC mismatch: 2")),
        (bad(100, "short"), good(100, 1.0)),
    ],
)
def test_one_bit_of_a_value_a_quality_or_a_reason_is_a_difference(recorded: Sample, decoded: Sample) -> None:
    found = parted([recorded], [decoded])
    assert repr(found) == repr((recorded, decoded))


def test_a_sample_that_only_one_side_has_is_named_alone() -> None:
    one, two, three = good(100, 1.0), good(200, 2.0), good(300, 3.0)
    assert parted([one, two, three], [one, three]) == (two, None)
    assert parted([one, three], [one, two, three]) == (None, two)
    assert parted([one, two], [one]) == (two, None)
    assert parted([one], [one, two]) == (None, two)


# What no byte said --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason",
    [
        "offline: the other end closed it",
        "stale: no sample for 1 s, one each 0.1 s promised",
        "reading input 0 to 1: no answer within 0.5 s",
        "TEMP?: no answer within 0.1 s; 12 bytes came that are no response to it: 01 04",
        "no uplink for 30 s, expected every 10 s",
        "no telemetry 0x01 for 1 s",
    ],
)
def test_silence_is_not_compared_even_at_a_time_when_other_bytes_came(reason: str) -> None:
    recorded = [good(100, 1.0), bad(200, reason), good(300, 2.0)]
    result = compared(recorded, [recorded[0], recorded[2]])
    assert result == Comparison(2, 2, 1, None)


def test_a_reason_that_nobody_knows_is_from_bytes_only_where_bytes_came() -> None:
    recorded = [good(100, 1.0), bad(250, "/dev/ttyUSB0: write failed: Input/output error")]
    heard = {100: 8, 200: 8}
    assert compared(recorded, recorded[:1], heard=heard) == Comparison(1, 1, 1, None)
    first = compared(recorded, recorded[:1], heard={**heard, 250: 8}).first
    assert first is not None
    assert (first.time_ns, first.decoded) == (250, None)


def test_frames_of_one_read_are_stamped_one_nanosecond_apart() -> None:
    recorded = [good(100, 1.0), bad(103, "CRC mismatch")]
    assert compared(recorded, recorded[:1], heard={100: 12}).first is not None


def test_a_good_sample_always_came_from_bytes() -> None:
    first = compared([good(100, 1.0)], [], heard={}).first
    assert first is not None
    assert first.recorded == good(100, 1.0)


def test_where_a_secret_was_taken_out_of_a_reason_anything_may_stand() -> None:
    told, decoded = "devEui is 'x', the topic's '${DEV_EUI}'", "devEui is 'x', the topic's '70b3d57ed0000001'"
    assert parted([bad(100, told)], [bad(100, decoded)]) is None
    assert parted([bad(100, told)], [bad(100, decoded.replace("'x'", "'y'"))]) is not None
    assert parted([bad(100, decoded)], [bad(100, told)]) is not None


def test_what_utf_8_cannot_hold_reads_as_it_was_recorded() -> None:
    assert parted([bad(100, "devEui is '\\ud800'")], [bad(100, "devEui is '\ud800'")]) is None


# Doubt, and a beginning in the middle -------------------------------------------------------------


def test_a_doubted_sample_counts_only_where_one_was_recorded() -> None:
    recorded = [good(100, 1.0), good(300, 3.0)]
    assert compared(recorded, recorded, [good(200, 2.0)]) == Comparison(2, 2, 0, None)
    assert compared(recorded, recorded[:1], [good(300, 3.0)]) == Comparison(2, 2, 0, None)
    first = compared(recorded, recorded[:1], [good(300, 3.5)]).first
    assert first is not None
    assert (first.recorded, first.decoded) == (good(300, 3.0), good(300, 3.5))


def test_a_recording_that_begins_in_the_middle_is_compared_from_where_both_have_samples() -> None:
    recorded = [good(100, 1.0), good(200, 2.0), good(300, 3.0)]
    assert compared(recorded, recorded[1:], cut_before=True).first is None
    assert compared(recorded[1:], recorded, cut_before=True).first is None
    assert compared(recorded, recorded[:2], cut_before=True).first is not None
    assert compared(recorded[:1], [], cut_before=True).first is None
    assert compared(recorded[:2], [], cut_before=True).first is not None


def test_a_recording_that_was_cut_behind_is_compared_as_far_as_both_have_samples() -> None:
    recorded = [good(100, 1.0), good(200, 2.0), good(300, 3.0)]
    assert compared(recorded, recorded[:2], cut_behind=True).first is None
    assert compared(recorded[:2], recorded, cut_behind=True).first is None
    assert compared(recorded, recorded[1:], cut_behind=True).first is not None
    assert compared(recorded, [], cut_behind=True).first is not None


# Any columns --------------------------------------------------------------------------------------

SAMPLES = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from([0.0, -0.0, 1.0, 2.0])),
    max_size=12,
    unique_by=lambda s: s[0],
).map(lambda pairs: [good(time, value) for time, value in sorted(pairs)])


@given(SAMPLES, SAMPLES)
def test_the_first_difference_is_that_of_a_walk_through_both(
    recorded: list[Sample], decoded: list[Sample]
) -> None:
    by_time = {s.time_ns: s for s in recorded}, {s.time_ns: s for s in decoded}
    expected = None
    for time_ns in sorted({*by_time[0], *by_time[1]}):
        pair = by_time[0].get(time_ns), by_time[1].get(time_ns)
        if repr(pair[0]) != repr(pair[1]):
            expected = (time_ns, *pair)
            break
    first = compared(recorded, decoded).first
    assert repr(None if first is None else (first.time_ns, first.recorded, first.decoded)) == repr(expected)


@given(st.permutations([good(time, float(time)) for time in range(6)]))
def test_samples_are_compared_in_time_order_however_they_arrived(arrived: list[Sample]) -> None:
    assert compared(arrived, sorted(arrived, key=lambda sample: sample.time_ns)).first is None
