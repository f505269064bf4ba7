"""What emulated serial devices are plugged into."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from testbed.links import PtyEnd
from testbed.links.base import BytesReceived

from .base import EmulatedDevice, EmulatorContext, Ready


@contextlib.contextmanager
def serial_port(each: EmulatedDevice, context: EmulatorContext, received: BytesReceived) -> Iterator[PtyEnd]:
    """Hold a port for one device while the block runs: a pty named after it in the context's folder."""
    name = each.device.name
    port = PtyEnd(context.folder / name, context.clock, received)
    port.plug()
    context.plugs[name] = port
    try:
        yield port
    finally:
        port.unplug()


def tell(ready: Ready, name: str, port: PtyEnd) -> None:
    """Say at which wire a device answers; a pty carries bytes at any baud rate."""
    ready(name, f"serial://{port.path}?baud=115200")
