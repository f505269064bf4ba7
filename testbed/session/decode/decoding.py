"""Runs every device's recorded frames through its decoder and says what came of it."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from testbed.bench import Bench, Device
from testbed.clock import NS
from testbed.drivers import driver_class
from testbed.drivers.decoder import Decoder
from testbed.errors import UsageError
from testbed.links import Direction
from testbed.session.file import Frame, SessionReader
from testbed.signals import Access, Sample, Signal

from .difference import Arrivals, Comparison, Difference, compare
from .series import Column, recorded_series

_TOLD_EVERY = 4096  # frames between two words on how far it is

Progress = Callable[[int], None]
"""Called now and then with how many more frames have been decoded."""


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
class First:
    """The first difference of a session: where, what, and the frame whose bytes say it."""

    signal: Signal
    difference: Difference
    frame: Frame | None


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
    for name in dict.fromkeys(signal.device for signal in session.signals):
        if name not in bench.devices:
            not_decoded[name] = "the bench has no such device"
            continue
        columns = {signal.id: Column() for signal in bench.devices[name].signals.values()}
        decoder = _decoder(bench.devices[name], columns)
        if isinstance(decoder, Decoder):
            replays[name] = decoder, columns
        else:
            not_decoded[name] = decoder
    began = time.perf_counter()  # from here on nothing is loaded any more
    devices = {
        name: _decode_device(session, bench, name, *replay, progress) for name, replay in replays.items()
    }
    first = _first(session, devices)
    elapsed = time.perf_counter() - began
    start_ns, end_ns = session.span()
    return Decoding(bench, devices, not_decoded, first, (end_ns - start_ns) / NS / elapsed)


def _decoder(device: Device, columns: dict[int, Column]) -> Decoder | str:
    """Return the decoder of a device, or why there is none."""

    def publish(sample: Sample) -> None:
        columns[sample.signal].add(sample)

    def doubt(sample: Sample) -> None:
        columns[sample.signal].doubt(sample)

    protocol = device.profile.protocol
    try:
        driver = driver_class(protocol)
    except UsageError as error:  # the package that brought it is not installed here
        return str(error.args[0])
    return driver.decoder(device, publish, doubt) or f"the driver of {protocol} does not decode recordings"


def _decode_device(
    session: SessionReader,
    bench: Bench,
    name: str,
    decoder: Decoder,
    columns: dict[int, Column],
    progress: Progress,
) -> DeviceDecoding:
    frames, arrivals = _feed(session, name, decoder, progress)
    ids = {signal.name: signal.id for signal in bench.devices[name].signals.values()}
    comparisons: dict[Signal, Comparison] = {}
    for signal in _own_signals(session, bench, name):
        decoded, doubtful = columns.get(ids.get(signal.name, -1), Column()).series()
        recorded = recorded_series(session, signal.id)
        comparisons[signal] = compare(signal.id, recorded, decoded, doubtful, arrivals)
    return DeviceDecoding(frames, columns, comparisons)


def _feed(session: SessionReader, name: str, decoder: Decoder, progress: Progress) -> tuple[int, Arrivals]:
    """Feed a device's frames; returns how many there are, and when bytes came from the device."""
    times, sizes = array("q"), array("q")
    passed = marks = 0
    for time_ns, _, direction, data in session.frames(name):
        decoder.frame(time_ns, direction, data)
        if direction is Direction.RX:
            times.append(time_ns)
            sizes.append(len(data))
        elif direction is not Direction.TX:
            marks += 1
        passed += 1
        if passed % _TOLD_EVERY == 0:
            progress(_TOLD_EVERY)
    progress(passed % _TOLD_EVERY)
    return passed - marks, Arrivals(np.frombuffer(times, np.int64), np.frombuffer(sizes, np.int64))


def _own_signals(session: SessionReader, bench: Bench, device: str) -> list[Signal]:
    """Return the signals that the device reports: not those that a twin adds, nor what it was commanded."""
    own = bench.devices[device].signals
    added = {signal.name for signal in bench.signals if signal.device == device and signal.name not in own}
    return [
        signal
        for signal in session.signals
        if signal.device == device and signal.access is not Access.WRITE and signal.name not in added
    ]


def _first(session: SessionReader, devices: dict[str, DeviceDecoding]) -> First | None:
    found = [
        (each.first.time_ns, signal.id, signal, each.first)
        for device in devices.values()
        for signal, each in device.signals.items()
        if each.first is not None
    ]
    if not found:
        return None
    time_ns, _, signal, difference = min(found, key=lambda entry: entry[:2])
    return First(signal, difference, _frame_at(session, signal.device, time_ns))


def _frame_at(session: SessionReader, device: str, time_ns: int) -> Frame | None:
    """Return what came last from a device at a time."""
    last = None
    for frame in session.frames(device):
        if frame.direction is Direction.RX and frame.time_ns <= time_ns:
            last = frame
    return last
