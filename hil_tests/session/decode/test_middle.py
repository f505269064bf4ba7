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
    """A session without what was before a time."""

    cut_ns = 0

    def frames(self, device: str | None = None) -> Iterator[Frame]:
        return (frame for frame in super().frames(device) if frame.time_ns >= self.cut_ns)

    def samples(self, signals: Sequence[int] | None = None) -> Iterator[Sample]:
        return (sample for sample in super().samples(signals) if sample.time_ns >= self.cut_ns)

    def series(self, signal: int) -> tuple[array[int], array[float], bytes]:
        times, values, qualities = super().series(signal)
        before = sum(time_ns < self.cut_ns for time_ns in times)
        return times[before:], values[before:], qualities[before:]


def decoded_from(path: Path, seconds: float) -> Decoding:
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder, Cut(path) as session:
        session.cut_ns = session.span()[0] + round(seconds * NS)
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


def test_a_changed_decoder_is_found_in_it_too(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from testbed.drivers.scpi import readings

    original = readings.parse_number
    monkeypatch.setattr(readings, "parse_number", lambda text: round(original(text), 4))
    first = decoded_from(demo, 5.0).first
    assert first is not None
    assert first.signal.path == "probe.temperature"
