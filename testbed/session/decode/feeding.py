"""Feeds the recorded frames of a device to its decoder."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np

from testbed.bench import Device
from testbed.drivers import driver_class
from testbed.drivers.decoder import Decoder, Publish
from testbed.errors import UsageError
from testbed.links import Direction
from testbed.session.file import UNFINISHED, SessionReader

from .difference import Arrivals

_TOLD_EVERY = 4096  # frames between two words on how far it is

Progress = Callable[[int], None]
"""Called now and then with how many more frames have been decoded."""


def decoder_of(device: Device, publish: Publish, doubt: Publish) -> Decoder | str:
    """Return the decoder of a device, or why there is none."""
    protocol = device.profile.protocol
    try:
        driver = driver_class(protocol)
    except UsageError as error:  # the package that brought it is not installed here
        return str(error.args[0])
    return driver.decoder(device, publish, doubt) or f"the driver of {protocol} does not decode recordings"


def feed(session: SessionReader, device: str, decoder: Decoder, progress: Progress) -> tuple[int, Arrivals]:
    """Feed all frames of a device; returns how many there are, and when bytes came from the device."""
    start_ns, end_ns = session.span()
    times, sizes = array("q"), array("q")
    passed = marks = 0
    begins = True
    time_ns = start_ns
    for time_ns, _, direction, data in session.frames(device):
        decoder.frame(time_ns, direction, data)
        if direction is Direction.RX:
            times.append(time_ns)
            sizes.append(len(data))
        elif direction is not Direction.TX:
            marks += 1
        if not passed:
            begins = direction.is_mark and time_ns >= start_ns
        passed += 1
        if passed % _TOLD_EVERY == 0:
            progress(_TOLD_EVERY)
    progress(passed % _TOLD_EVERY)
    came = np.frombuffer(times, np.int64), np.frombuffer(sizes, np.int64)
    # While it is being recorded, samples are read a moment after the frames that they came from.
    unended = time_ns > end_ns or session.verdict() == UNFINISHED
    return passed - marks, Arrivals(*came, cut_before=not begins, cut_behind=unended)
