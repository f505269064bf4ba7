"""Writes decoded samples as a session of its own, to be shown, exported and compared like any other."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from testbed import __version__
from testbed.clock import Timer, VirtualClock
from testbed.errors import UsageError
from testbed.links import Tap
from testbed.session.file import Frame, SessionReader, SessionWriter

from .decoding import Decoding
from .series import Column

_COMMIT_S = 10.0  # of session time: nobody reads it before it is whole

Record = tuple[int, Callable[[], None]]
"""A time, and what writes the frame or sample of that time."""


def write_decoded(path: Path, decoding: Decoding, session: SessionReader) -> None:
    """Write the decoded samples to `path`, beside the frames that they came from and the attachments.

    Raises UsageError when the file exists already or cannot be written.
    """
    start_ns, end_ns = session.span()
    clock = VirtualClock(start_ns)
    failures: list[str] = []
    writer = SessionWriter(
        path,
        clock,
        decoding.bench.signals,
        metadata={
            **session.meta(),
            "mode": "replay",
            "replay": {"kind": "decode", "of": session.path.name},
            "testbed": __version__,
            "expectations": [],
        },
        attachments={name: session.attachment(name) for name in session.attachments()},
        on_failure=failures.append,
        thread=False,
        period_s=_COMMIT_S,
    )
    writer.start()
    _play(clock, _records(writer, decoding, session))
    verdict = "same" if decoding.same else "diverged"
    writer.close({"ended_ns": end_ns, "verdict": verdict})
    if failures:
        raise UsageError(failures[0], "choose another folder")


def _play(clock: VirtualClock, records: Iterator[Record]) -> None:
    """Write each record when its time has come, and let the writer commit in between."""
    done = False

    def step() -> None:
        nonlocal done
        following = next(records, None)
        done = following is None
        if following is not None:
            clock.at(following[0], partial(_then, following[1], step))

    step()
    while not done and (timer := clock.jump()) is not None:
        if isinstance(timer, Timer) and timer.callback is not None:
            timer.callback()


def _then(write: Callable[[], None], step: Callable[[], None]) -> None:
    write()
    step()


def _records(writer: SessionWriter, decoding: Decoding, session: SessionReader) -> Iterator[Record]:
    """Yield everything in time order, a frame before the samples in it."""
    streams: list[Iterator[Record]] = []
    for name, device in decoding.devices.items():
        streams.append(_frames(writer.tap(name), session.frames(name)))
        streams += [_samples(writer, signal, column) for signal, column in device.columns.items()]
    return heapq.merge(*streams, key=lambda record: record[0])


def _frames(tap: Tap, frames: Iterator[Frame]) -> Iterator[Record]:
    for frame in frames:
        yield frame.time_ns, partial(tap, frame.time_ns, frame.direction, frame.data)


def _samples(writer: SessionWriter, signal: int, column: Column) -> Iterator[Record]:
    series, _ = column.series()
    for position in range(len(series)):
        sample = series.sample(signal, position)
        yield sample.time_ns, partial(writer.sample, sample)
