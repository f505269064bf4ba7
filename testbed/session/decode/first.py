"""The first difference of a session, and the frame whose bytes it is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from testbed.bench import Bench
from testbed.drivers.decoder import Decoder
from testbed.links import Direction
from testbed.session.file import Frame, SessionReader
from testbed.signals import Sample, Signal

from .difference import Difference
from .feeding import decoder_of


@dataclass(frozen=True)
class First:
    """Where a session first parts from its recording; `signal` is that of the session."""

    signal: Signal
    difference: Difference
    frame: Frame | None
    """What the decoded sample was made from; without one, what had come from the device by then."""


def first_of(
    session: SessionReader, bench: Bench, differences: Iterable[tuple[Signal, Difference]]
) -> First | None:
    """Return the earliest of the signals' differences with its frame, None when there is none."""
    found = min(differences, key=lambda each: (each[1].time_ns, each[0].id), default=None)
    if found is None:
        return None
    signal, difference = found
    return First(signal, difference, _frame(session, bench, signal, difference))


def _frame(session: SessionReader, bench: Bench, signal: Signal, difference: Difference) -> Frame | None:
    """Decode once more, frame by frame: much may come at one time, so the time does not tell which it was."""
    said: list[Sample] = []
    device = bench.devices[signal.device]
    decoder = decoder_of(device, said.append, said.append)
    assert isinstance(decoder, Decoder)  # noqa: S101  (it has just decoded all of this)
    wanted, number = difference.decoded, device.signals.get(signal.name)
    last: Frame | None = None
    mute: Frame | None = None
    for frame in session.frames(signal.device):
        if frame.time_ns > difference.time_ns:
            break
        said.clear()
        decoder.frame(frame.time_ns, frame.direction, frame.data)
        if frame.direction is not Direction.RX:
            continue
        last = frame
        if wanted is None:
            mute = mute or (frame if frame.time_ns == difference.time_ns and not said else None)
        elif number is not None and any(
            sample.signal == number.id and sample.time_ns == wanted.time_ns for sample in said
        ):
            return frame
    return mute or last
