"""Serial ports: pyserial opens and configures them, the event loop reads the descriptor itself."""

from __future__ import annotations

import contextlib
import os

import serial

from testbed.clock import Clock

from .base import BytesReceived, LinkLost, Lost, Tap, no_tap
from .stream import StreamLink


def open_serial(
    port: str,
    clock: Clock,
    *,
    received: BytesReceived,
    lost: Lost,
    tap: Tap = no_tap,
    baud: int = 115200,
    parity: str = "N",
    stop_bits: float = 1,
) -> StreamLink:
    """Open `port` (a device path or a stable link to one) exclusively, 8 data bits, non-blocking.

    Raises LinkLost when it is missing, taken by another program or refuses the settings.
    """
    try:
        device = serial.Serial(
            port, baud, parity=parity, stopbits=stop_bits, timeout=0, write_timeout=0, exclusive=True
        )
        # Bytes from before we listened belong to nobody: a half line would spoil the first answer.
        device.reset_input_buffer()
    except (serial.SerialException, OSError, ValueError) as error:
        # pyserial writes its port and the system's words twice over; the number says it all.
        cause = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise LinkLost(f"cannot open serial port {port}: {cause}", "run: testbed scan serial") from error

    def release() -> None:
        with contextlib.suppress(serial.SerialException, OSError):
            device.close()

    return StreamLink(
        device.fileno(), clock, name=port, release=release, received=received, lost=lost, tap=tap
    ).start()
