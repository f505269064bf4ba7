"""The serial line of emulated firmware: a pty that outlives it, as a USB adapter does its board's power."""

from __future__ import annotations

import contextlib
import os
import pty
import termios
import tty
from collections.abc import Iterator
from pathlib import Path


class Wire:
    """A pty whose device end is handed to whatever runs the firmware; the controller finds it at `path`."""

    def __init__(self, path: Path, device_end: int, controller_end: int) -> None:
        self.path = path
        self.device_end = device_end
        self._controller_end = controller_end

    def disturb(self, noise: bytes) -> None:
        """Put bytes on the line, towards the controller and towards the firmware; dropped when it is full."""
        for end in (self.device_end, self._controller_end):
            with contextlib.suppress(BlockingIOError):
                os.write(end, noise)

    def clear(self) -> None:
        """Forget what nobody has read: after a power cut no byte of before comes."""
        with contextlib.suppress(termios.error):
            termios.tcflush(self._controller_end, termios.TCIOFLUSH)


@contextlib.contextmanager
def open_wire(path: Path) -> Iterator[Wire]:
    """Make a wire that appears at `path` while the block runs.

    Both ends stay open here: whoever runs the firmware may come and go without the line being lost.
    """
    device_end, controller_end = pty.openpty()
    try:
        tty.setraw(controller_end)
        os.set_blocking(device_end, False)
        os.set_blocking(controller_end, False)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(controller_end))
        yield Wire(path, device_end, controller_end)
    finally:
        path.unlink(missing_ok=True)
        os.close(device_end)
        os.close(controller_end)
