"""A recording that begins in the middle, as the last minutes of a long run do."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from testbed.clock import NS
from testbed.links import Direction
from testbed.session.decode import Decoding, bench_of, decode_session
from testbed.session.file import Frame, SessionReader
from testbed.signals import Sample


class Cut(SessionReader):
    """A session without what was before a time; chunks of frames may reach further back or less far."""

    cut_ns = 0
    frames_ns = 0

    def span(self) -> tuple[int, int]:
        start_ns, end_ns = super().span()
        return max(start_ns, self.cut_ns), end_ns

    def frames(self, device: str | None = None) -> Iterator[Frame]:
        cut_ns = self.cut_ns + self.frames_ns
        return (frame for frame in super().frames(device) if frame.time_ns >= cut_ns)

    def samples(self, signals: Sequence[int] | None = None) -> Iterator[Sample]:
        return (sample for sample in super().samples(signals) if sample.time_ns >= self.cut_ns)

    def series(self, signal: int) -> tuple[array[int], array[float], bytes]:
        times, values, qualities = super().series(signal)
        before = sum(time_ns < self.cut_ns for time_ns in times)
        return times[before:], values[before:], qualities[before:]


def decoded_from(path: Path, seconds: float, frames_from: float = 0.0) -> Decoding:
    """Decode a recording without its first seconds, and its frames from some seconds later on."""
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder, Cut(path) as session:
        session.cut_ns = session.span()[0] + round(seconds * NS)
        session.frames_ns = round(frames_from * NS)
        return decode_session(session, bench_of(session, Path(folder), None, None))


def between(path: Path, device: str) -> list[float]:
    """Return times in s right behind a question of the controller and right behind an answer."""
    with SessionReader(path) as session:
        start_ns = session.span()[0]
        frames = [frame for frame in session.frames(device) if frame.time_ns > start_ns + 5 * NS]
        sent = next(frame for frame in frames if frame.direction is Direction.TX)
        came = next(frame for frame in frames if frame.direction is Direction.RX)
    return [(frame.time_ns + 1 - start_ns) / NS for frame in (sent, came)]


@pytest.mark.parametrize("device", ["chamber", "probe", "fan", "air", "vent"])
def test_wherever_it_begins_all_that_its_bytes_say_is_compared(demo: Path, device: str) -> None:
    whole = decoded_from(demo, 0.0)
    for seconds in between(demo, device):
        cut = decoded_from(demo, seconds)
        assert cut.first is None
        assert 0 < cut.devices[device].compared < whole.devices[device].compared


@pytest.mark.parametrize("frames_from", [-5.0, -1.5, 1.5])
def test_frames_may_reach_further_back_than_samples_or_less_far(demo: Path, frames_from: float) -> None:
    cut = decoded_from(demo, 5.0, frames_from)
    assert cut.first is None
    assert all(device.compared for device in cut.devices.values())


def test_a_changed_decoder_is_found_in_it_too(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from testbed.drivers.scpi import readings

    original = readings.parse_number
    monkeypatch.setattr(readings, "parse_number", lambda text: round(original(text), 4))
    first = decoded_from(demo, 5.0).first
    assert first is not None
    assert first.signal.path == "probe.temperature"
