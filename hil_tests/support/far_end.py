"""The far end of a serial wire in the hands of a test, for devices that misbehave."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from testbed.clock import SystemClock
from testbed.links import PtyEnd


@contextlib.contextmanager
def far_end(received: Callable[[PtyEnd, bytes], None]) -> Iterator[PtyEnd]:
    """Hold a plugged pty; `received(port, data)` hears what the controller sends."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        port = PtyEnd(Path(folder) / "port", clock, lambda time_ns, data: received(port, data))
        port.plug()
        try:
            yield port
        finally:
            port.unplug()
            clock.close()
