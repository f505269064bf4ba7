"""However far one looks from, no extreme is lost; however near, every sample is there."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil_tests.support.hand_clock import HandClock
from testbed.session.file import SessionWriter
from testbed.signals import Quality, Sample, Signal
from testbed.web.history import Curve, History, thin

MS = 1_000_000
SIGNAL = Signal(0, "dut", "value", "V")


def record(path: Path, samples: list[Sample], per_commit: int) -> None:
    """Record samples, so many a commit."""
    clock = HandClock()
    writer = SessionWriter(
        path, clock, [SIGNAL], metadata={}, attachments={}, on_failure=pytest.fail, thread=False
    )
    writer.start()
    for at in range(0, len(samples), per_commit):
        for sample in samples[at : at + per_commit]:
            writer.sample(sample)
        clock.move(0.2)
    writer.close({})


def wave(count: int, period_ns: int = MS) -> list[Sample]:
    """A slow wave with one spike either way."""
    values = [math.sin(number / 900) for number in range(count)]
    values[count // 3], values[count // 2] = 50.0, -50.0
    return [Sample(0, 10**18 + number * period_ns, value) for number, value in enumerate(values)]


@pytest.mark.parametrize("per_commit", [1, 7, 200, 20_000])
def test_from_far_both_extremes_stand_at_their_own_times(tmp_path, per_commit):
    samples = wave(6_000)
    record(tmp_path / "x.session", samples, per_commit)
    with History(tmp_path / "x.session") as history:
        curve = history.curve(0, samples[0].time_ns, samples[-1].time_ns, 200)
    assert 100 <= len(curve.times) <= 210
    assert (np.diff(curve.times) >= 0).all()
    for sample in (samples[2_000], samples[3_000]):
        at = np.flatnonzero(curve.times == sample.time_ns)
        assert curve.values[at[0]] == sample.value


@pytest.mark.parametrize("per_commit", [3, 200])
def test_from_near_every_sample_is_there_to_the_nanosecond(tmp_path, per_commit):
    samples = wave(3_000)
    record(tmp_path / "x.session", samples, per_commit)
    shown = samples[1_111:1_131]
    with History(tmp_path / "x.session") as history:
        curve = history.curve(0, shown[0].time_ns, shown[-1].time_ns, 1_000)
    assert curve.times.tolist() == [sample.time_ns for sample in shown]
    assert curve.values.tolist() == [sample.value for sample in shown]


def test_a_span_whose_ends_cut_chunks_keeps_what_lies_inside_and_only_that(tmp_path):
    samples = [Sample(0, 10**18 + n * MS, 9.0 if n in (4, 5, 5_994, 5_995) else 0.0) for n in range(6_000)]
    record(tmp_path / "x.session", samples, 10)
    with History(tmp_path / "x.session") as history:
        curve = history.curve(0, samples[5].time_ns, samples[5_994].time_ns, 100)
    assert set(curve.times[curve.values == 9.0].tolist()) == {samples[5].time_ns, samples[5_994].time_ns}


def test_where_a_signal_was_bad_there_is_a_gap(tmp_path):
    samples = [
        Sample(0, 10**18 + n * MS, 1.0, Quality.BAD if 300 <= n < 600 else Quality.GOOD, "")
        for n in range(900)
    ]
    record(tmp_path / "x.session", samples, 100)
    with History(tmp_path / "x.session") as history:
        curve = history.curve(0, samples[0].time_ns, samples[-1].time_ns, 60)
    bad = (curve.times >= samples[310].time_ns) & (curve.times < samples[590].time_ns)
    assert np.isnan(curve.values[bad]).all()
    assert bad.any()
    assert not np.isnan(curve.values[curve.times < samples[290].time_ns]).any()


def test_where_there_is_nothing_the_curve_is_empty(tmp_path):
    record(tmp_path / "x.session", wave(60), 10)
    with History(tmp_path / "x.session") as history:
        assert len(history.curve(0, 0, 10, 100).times) == 0
        assert len(history.curve(0, 10, 0, 100).times) == 0
        assert len(history.curve(0, 0, 2**62, 2).times) == 2


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), min_size=1, max_size=300),
    st.integers(1, 400),
)
def test_thinning_keeps_the_lowest_and_highest_of_every_span(values, width):
    times = np.arange(len(values), dtype=np.int64) * 3
    curve = thin(Curve(times, np.array(values)), 0, width)
    assert (np.diff(curve.times) > 0).all()
    for bucket in range(int(times[-1]) // width + 1):
        whole = np.array(values)[times // width == bucket]
        kept = curve.values[curve.times // width == bucket]
        assert len(kept) <= 2
        if not np.isnan(whole).all():
            assert (np.nanmin(kept), np.nanmax(kept)) == (np.nanmin(whole), np.nanmax(whole))
        assert bool(len(kept)) == bool(len(whole))
