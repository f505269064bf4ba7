"""Runs every device's recorded frames through its decoder and says what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from testbed.bench import Bench
from testbed.clock import NS
from testbed.drivers.decoder import Decoder
from testbed.session.file import SessionReader
from testbed.signals import Access, Sample, Signal

from .difference import Comparison, compare
from .feeding import Progress, decoder_of, feed
from .first import First, first_of
from .series import Column, recorded_series


@dataclass(frozen=True)
class DeviceDecoding:
    """One device: its frames, its decoded samples by signal of the bench, and how its signals compare."""

    frames: int
    columns: dict[int, Column]
    signals: dict[Signal, Comparison]

    @property
    def decoded(self) -> int:
        """How many samples its frames gave."""
        return sum(each.decoded for each in self.signals.values())

    @property
    def compared(self) -> int:
        """How many recorded samples came from bytes, and so could be compared."""
        return sum(each.compared for each in self.signals.values())

    @property
    def not_from_bytes(self) -> int:
        """How many were recorded for another reason: offline, stale, no answer."""
        return sum(each.not_from_bytes for each in self.signals.values())


@dataclass(frozen=True)
class Decoding:
    """What decoding a session again gave; `speed` is in seconds of the recording a second of work."""

    bench: Bench
    devices: dict[str, DeviceDecoding]
    not_decoded: dict[str, str]
    """Why a device's frames were left alone."""
    first: First | None
    speed: float

    @property
    def same(self) -> bool:
        """Whether every sample came out as it was recorded."""
        return self.first is None


def decode_session(
    session: SessionReader, bench: Bench, progress: Progress = lambda frames: None
) -> Decoding:
    """Decode the frames of each device by `bench` and compare with what `session` recorded.

    Raises DamagedInput when the session cannot be read, BenchFileError for a profile that its driver
    refuses.
    """
    replays: dict[str, tuple[Decoder, dict[int, Column]]] = {}
    not_decoded: dict[str, str] = {}
    ours = bench.setpoints
    for name in dict.fromkeys(each.device for each in session.signals if each.path not in ours):
        if name not in bench.devices:
            not_decoded[name] = "the bench has no such device"
            continue
        columns = {signal.id: Column() for signal in bench.devices[name].signals.values()}
        decoder = decoder_of(bench.devices[name], partial(_add, columns), partial(_doubt, columns))
        if isinstance(decoder, Decoder):
            replays[name] = decoder, columns
        else:
            not_decoded[name] = decoder
    began = time.perf_counter()  # from here on nothing is loaded any more
    devices = {
        name: _decode_device(session, bench, name, *replay, progress) for name, replay in replays.items()
    }
    elapsed = time.perf_counter() - began
    differences = [
        (signal, each.first)
        for device in devices.values()
        for signal, each in device.signals.items()
        if each.first is not None
    ]
    first = first_of(session, bench, differences)
    start_ns, end_ns = session.span()
    return Decoding(bench, devices, not_decoded, first, (end_ns - start_ns) / NS / elapsed)


def _add(columns: dict[int, Column], sample: Sample) -> None:
    columns[sample.signal].add(sample)


def _doubt(columns: dict[int, Column], sample: Sample) -> None:
    columns[sample.signal].doubt(sample)


def _decode_device(
    session: SessionReader,
    bench: Bench,
    name: str,
    decoder: Decoder,
    columns: dict[int, Column],
    progress: Progress,
) -> DeviceDecoding:
    frames, arrivals = feed(session, name, decoder, progress)
    ids = {signal.name: signal.id for signal in bench.devices[name].signals.values()}
    comparisons: dict[Signal, Comparison] = {}
    for signal in _own_signals(session, bench, name):
        decoded, doubtful = columns.get(ids.get(signal.name, -1), Column()).series()
        recorded = recorded_series(session, signal.id)
        comparisons[signal] = compare(signal.id, recorded, decoded, doubtful, arrivals)
    return DeviceDecoding(frames, columns, comparisons)


def _own_signals(session: SessionReader, bench: Bench, device: str) -> list[Signal]:
    """Return the signals that the device reports: not those that a twin adds, nor what it was commanded."""
    own = bench.devices[device].signals
    added = {signal.name for signal in bench.signals if signal.device == device and signal.name not in own}
    return [
        signal
        for signal in session.signals
        if signal.device == device and signal.access is not Access.WRITE and signal.name not in added
    ]
