"""One air, one D-Bus and one adapter for all emulated Bluetooth LE devices of a bench."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from functools import partial

from testbed.bench.device import Device
from testbed.emulators.base import EmulatedDevice, EmulatorContext, Ready
from testbed.errors import TestbedError

from .identity import identity_of, wire_of
from .peripheral import Peripheral
from .presence import Presence
from .radio import Radio
from .trouble import BreakableRadio
from .uart import UartPeripheral

_ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_CENTRAL = "F0:F0:F0:F0:F0:F0"


async def serve(devices: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Answer for all Bluetooth LE devices of a bench until cancelled.

    Each device keeps the address of its wire; the wire that is handed to `ready` adds the D-Bus under
    which it can be reached. Raises MissingPart without dbus-daemon, TestbedError for wrong addresses.
    """
    with contextlib.ExitStack() as stack:

        def make(radio: Radio) -> list[Presence]:
            return [_on_air(each, radio, context, stack) for each in devices]

        await serve_on_air([each.device for each in devices], make, context, ready)


def _on_air(
    each: EmulatedDevice, radio: Radio, context: EmulatorContext, stack: contextlib.ExitStack
) -> Presence:
    made: Peripheral | UartPeripheral
    if each.device.wire.scheme == "nus":
        made = UartPeripheral(each, radio, context.clock)
        stack.enter_context(made.speaking())
    else:
        made = Peripheral(each, radio, context.clock, context.log)
    context.breakables[each.device.name] = BreakableRadio(made, context.clock, context.random)
    return made.presence


async def serve_on_air(
    devices: Sequence[Device],
    make: Callable[[Radio], Sequence[Presence]],
    context: EmulatorContext,
    ready: Ready,
) -> None:
    """Let the devices that `make` puts on the air be there until cancelled; raises as `serve` does."""
    _check_addresses(devices)
    radio = Radio(context.random)
    try:
        present = make(radio)
        async with context.places.adapter(radio.device("adapter", _CENTRAL), context.clock) as bus:
            await _serve(present, bus, context, ready)
    except ExceptionGroup as group:
        first: Exception = group
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from group
    finally:
        await radio.close()


async def _serve(present: Sequence[Presence], bus: str, context: EmulatorContext, ready: Ready) -> None:
    async with asyncio.TaskGroup() as tasks:
        for each in present:
            name = each.device.name
            context.plugs[name] = each
            wire = wire_of(each.device, bus)
            tasks.create_task(each.run(partial(ready, name, wire)), name=f"peripheral {name}")


def _check_addresses(devices: Sequence[Device]) -> None:
    seen: dict[str, str] = {_CENTRAL: "the virtual adapter"}
    for each in devices:
        name, address = each.name, identity_of(each).address
        if not _ADDRESS.fullmatch(address):
            raise TestbedError(
                f"{name}: {address!r} in {each.wire} is no address that can be emulated",
                "write ble://C0:FF:EE:00:00:01",
            )
        if address in seen:
            raise TestbedError(
                f"{name} and {seen[address]} share the address {address}",
                "give each device an address of its own",
            )
        seen[address] = name
