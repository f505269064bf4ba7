"""Serial ports: pyserial opens and configures them, the event loop reads the descriptor itself."""

from __future__ import annotations

import contextlib
import os
import termios
from collections.abc import Iterator

import serial

from testbed.clock import Clock

from .base import BytesReceived, LinkLost, Lost, Tap, no_tap
from .port import ModemLines, PortSettings
from .stream import StreamLink


def open_serial(
    port: str,
    clock: Clock,
    *,
    received: BytesReceived,
    lost: Lost,
    tap: Tap = no_tap,
    settings: PortSettings = PortSettings(),  # noqa: B008  (frozen)
) -> SerialLink:
    """Open `port` (a device path or a stable link to one) exclusively, 8 data bits, non-blocking.

    Raises LinkLost when it is missing, taken by another program or refuses the settings.
    """
    try:
        device = _open(port, settings)
        # Bytes from before we listened belong to nobody: a half line would spoil the first answer.
        device.reset_input_buffer()
    except termios.error as error:  # it is no OSError, and pyserial lets it pass
        raise LinkLost(
            f"cannot open serial port {port}: it does not take {settings.baud} baud "
            f"8{settings.parity}{settings.stop_bits:g}: {error.args[-1]}",
            "give the wire settings that the port has; a pty has no parity",
        ) from error
    except (serial.SerialException, OSError, ValueError) as error:
        # pyserial writes its port and the system's words twice over; the number says it all.
        cause = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise LinkLost(f"cannot open serial port {port}: {cause}", "run: testbed scan serial") from error

    def release() -> None:
        with contextlib.suppress(serial.SerialException, OSError):
            device.close()

    link = SerialLink(
        device.fileno(), clock, name=port, release=release, received=received, lost=lost, tap=tap
    )
    link.device = device
    link.start()
    return link


def _open(port: str, settings: PortSettings) -> serial.Serial:
    device = serial.Serial(
        None, settings.baud, parity=settings.parity, stopbits=settings.stop_bits, timeout=0,
        write_timeout=0, exclusive=True,
    )  # fmt: skip
    # Before it opens: a board that resets on DTR must not see it rise first.
    if settings.dtr is not None:
        device.dtr = settings.dtr
    if settings.rts is not None:
        device.rts = settings.rts
    device.port = port
    device.open()
    return device


class SerialLink(StreamLink):
    """A byte stream on a serial port of this machine."""

    device: serial.Serial

    def modem_lines(self) -> ModemLines:
        """Return the lines as they are now; raises LinkLost where the port has none or is gone."""
        with self._asking("read the modem lines"):
            port = self.device
            return ModemLines(port.cts, port.dsr, port.ri, port.cd)

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Raise or drop DTR and RTS; raises LinkLost where the port has none or is gone."""
        with self._asking("set the modem lines"):
            if dtr is not None:
                self.device.dtr = dtr
            if rts is not None:
                self.device.rts = rts

    def set_break(self, on: bool) -> None:
        """Hold the line in the break state until it is told to end; raises LinkLost when it is gone."""
        with self._asking("send a break"):
            self.device.break_condition = on

    @contextlib.contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except (serial.SerialException, OSError) as error:
            cause = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
            raise LinkLost(f"{self.name}: cannot {what}: {cause}") from error
