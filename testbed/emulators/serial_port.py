"""What emulated serial devices are plugged into."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from testbed.clock import Clock, Ticker
from testbed.links.base import BytesReceived

from .base import EmulatedDevice, EmulatorContext, Ready
from .places import SerialEnd


class SerialDevice(Protocol):
    """A device at the end of a serial line."""

    def received(self, time_ns: int, data: bytes) -> None:
        """Take bytes from the controller."""

    def start(self, clock: Clock) -> Iterable[Ticker]:
        """Begin what it does unasked; the tickers are cancelled at the end."""


async def serve_serial(
    devices: Sequence[EmulatedDevice],
    context: EmulatorContext,
    ready: Ready,
    make: Callable[[EmulatedDevice, Callable[[bytes], None]], SerialDevice],
) -> None:
    """Answer for all devices, each made by `make(device, write)`, on ports of their own until cancelled."""
    with contextlib.ExitStack() as stack:
        for each in devices:
            made: list[SerialDevice] = []

            def received(time_ns: int, data: bytes, made: list[SerialDevice] = made) -> None:
                made[0].received(time_ns, data)

            port = stack.enter_context(serial_port(each, context, received))
            made.append(make(each, port.write))
            for ticker in made[0].start(context.clock):
                stack.callback(ticker.cancel)
            ready(each.device.name, f"serial://{port.path}?baud=115200")  # a pty carries any baud rate
        await asyncio.get_running_loop().create_future()


@contextlib.contextmanager
def serial_port(
    each: EmulatedDevice, context: EmulatorContext, received: BytesReceived
) -> Iterator[SerialEnd]:
    """Hold a port for one device while the block runs."""
    name = each.device.name
    port = context.places.serial(name, context.clock, received)
    port.plug()
    context.plugs[name] = port
    try:
        yield port
    finally:
        port.unplug()
