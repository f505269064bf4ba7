"""Answers for a device with real firmware, its pins coupled to the plant."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from testbed.bench.device import Device
from testbed.emulators.base import EmulatedDevice, EmulatorContext, Ready
from testbed.emulators.places import SystemPlaces
from testbed.errors import UsageError
from testbed.signals import Event, Level

from .boards import Start, board_of
from .faults import BreakableNode
from .guest import Guest
from .node import Node, load_node
from .pins import Pins, open_window
from .wire import Wire, open_wire

_UPDATE_NS = 10_000_000  # as often as the plant steps
# Memory where there is some, not a disk that the pins would be written back to a hundred times a second.
_SHARED = next((folder for folder in (Path("/dev/shm"),) if folder.is_dir()), None)  # noqa: S108


async def serve_firmware(each: EmulatedDevice, context: EmulatorContext, ready: Ready) -> None:
    """Run the firmware of one device until cancelled.

    Raises MissingPart when QEMU or the image is missing, LinkError when the firmware does not start.
    """
    device, firmware = each.device, each.device.firmware
    assert firmware is not None  # noqa: S101  (only such devices are served here)
    places = context.places
    if not isinstance(places, SystemPlaces):
        raise UsageError(
            f"{device.name}: firmware runs in real time only, and this run is in virtual time",
            "leave --virtual out, or take emulate: out of the device to have it emulated by its profile",
        )
    board = board_of(firmware.board, firmware.image)
    node = load_node(firmware.image.with_suffix(".yaml"), device.profile)
    async with contextlib.AsyncExitStack() as stack:
        shared = stack.enter_context(tempfile.TemporaryDirectory(dir=_SHARED))
        window = stack.enter_context(open_window(Path(shared) / "pins"))
        wire = stack.enter_context(open_wire(places.folder / device.name))
        start = Start(firmware.image, wire.device_end, window.path, places.folder / f"{device.name}.qmp")
        guest = Guest(
            device.name,
            board,
            start,
            console=partial(_tell, context, device.name, Level.INFO, "console"),
            ended=partial(_tell, context, device.name, Level.ERROR, "firmware"),
        )
        pins = Pins(node, each.store, window)
        pins.update()
        stack.push_async_callback(guest.stop)
        await guest.start()
        ticker = context.clock.every(_UPDATE_NS, pins.update)
        stack.callback(ticker.cancel)
        breakable = BreakableNode(device, guest, pins, wire, window, context)
        stack.push_async_callback(breakable.stop)
        context.breakables[device.name] = breakable
        ready(device.name, _address(device, node, wire))
        await asyncio.get_running_loop().create_future()


def _tell(context: EmulatorContext, name: str, level: Level, kind: str, text: str) -> None:
    context.tell(Event(context.clock.now(), level, name, kind, f"{name}: {text}"))


def _address(device: Device, node: Node, wire: Wire) -> str:
    if device.profile.protocol != "modbus":
        return f"serial://{wire.path}?baud=115200"
    # The node's own unit; the other options as the bench file has them, so that the driver behaves the same.
    options = {**device.wire.options, "unit": str(node.unit)}
    return f"modbus+rtu://{wire.path}?{urlencode(options)}"
