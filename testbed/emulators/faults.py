"""The faults that can be put into emulated devices: what each does, and what it can be told.

A fault is inert until it is armed: by a bench file's `faults`, or by a test that calls `break_` of a
device in `EmulatorContext.breakables`. Each beginning and end is told as an event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from testbed.bench import Bench, BenchFileError, PlannedFault, Problem, nearest, units
from testbed.bench.document import Path_
from testbed.errors import TestbedError
from testbed.signals import Event, Level

from .base import EmulatorContext


@dataclass(frozen=True)
class Parameter:
    """What a fault can be told: `unit` is that of the number, empty for a plain one, None for a name."""

    what: str
    unit: str | None = ""
    needed: bool = False


@dataclass(frozen=True)
class Fault:
    """One entry: what it does, whether it lasts until it is mended, and its parameters."""

    what: str
    lasts: bool
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


FIRMWARE: dict[str, Fault] = {
    "reset": Fault(
        "the microcontroller's reset line is pulled; the port stays, what was on the line is lost", False
    ),
    "hang": Fault(
        "the microcontroller stands still, its clock too, its outputs as they are; then goes on", True
    ),
    "brown-out": Fault("the supply is gone, outputs too; when it comes back the firmware starts anew", True),
    "flash-corruption": Fault(
        "one bit of the image is another; the board starts with it, and with the sound image when mended",
        True,
        {"byte": Parameter("which byte of the image; by chance if not given")},
    ),
    "stuck-adc": Fault(
        "an input no longer follows the plant",
        True,
        {
            "signal": Parameter("the measured signal", None, needed=True),
            "value": Parameter("where it stays, in the signal's unit; where it is now if not given", None),
        },
    ),
    "uart-noise": Fault(
        "random bytes on the line, towards both sides",
        True,
        {"rate": Parameter("bytes a second; 100 if not given", "Hz")},
    ),
}
"""What can be done to a device that runs firmware."""


def verify_faults(bench: Bench) -> list[Problem]:
    """Return what is wrong with the faults of a bench file."""
    problems: list[Problem] = []
    for index, planned in enumerate(bench.faults):
        path: Path_ = ("faults", index)
        fault = FIRMWARE.get(planned.fault)
        if fault is None:
            text = f"no fault is called {planned.fault!r}"
            problems.append(bench.document.problem((*path, "fault"), text, nearest(planned.fault, FIRMWARE)))
            continue
        if planned.device in bench.devices and bench.devices[planned.device].firmware is None:
            text = f"{planned.fault} is for devices that run firmware, and {planned.device} has no emulate:"
            problems.append(bench.document.problem((*path, "device"), text))
        problems += _parameters(bench, path, planned, fault)
    return problems


def _parameters(bench: Bench, path: Path_, planned: PlannedFault, fault: Fault) -> list[Problem]:
    problems: list[Problem] = []
    document = bench.document
    for name, value in planned.parameters.items():
        at = (*path, "parameters", name)
        parameter = fault.parameters.get(name)
        if parameter is None:
            hint = nearest(name, fault.parameters) if fault.parameters else "it takes none"
            problems.append(
                document.problem(at, f"{planned.fault} has no parameter {name!r}", hint, key=True)
            )
        elif parameter.unit is not None:
            try:
                units.convert(value, parameter.unit)
            except ValueError as error:
                problems.append(document.problem(at, f"{name}: {error}"))
    problems += [
        document.problem(path, f"{planned.fault} needs parameters: {{{name}: ...}}: {parameter.what}")
        for name, parameter in fault.parameters.items()
        if parameter.needed and name not in planned.parameters
    ]
    if planned.lasts is not None and not fault.lasts:
        problems.append(document.problem((*path, "for"), f"{planned.fault} is over at once, leave for: out"))
    return problems


async def play_faults(faults: tuple[PlannedFault, ...], context: EmulatorContext) -> None:
    """Break devices as planned, times counted from now; returns when all is over."""
    async with asyncio.TaskGroup() as group:
        for planned in faults:
            group.create_task(_play(planned, context), name=f"fault {planned.fault}")


async def _play(planned: PlannedFault, context: EmulatorContext) -> None:
    def tell(level: Level, text: str) -> None:
        context.tell(Event(context.clock.now(), level, planned.device, "fault", f"{planned.fault}: {text}"))

    await context.clock.sleep(planned.at)
    device = context.breakables.get(planned.device)
    if device is None:
        tell(Level.WARNING, f"{planned.device} does not run, so it cannot be broken")
        return
    try:
        tell(Level.INFO, FIRMWARE[planned.fault].what)
        await device.break_(planned.fault, planned.parameters)
        if planned.lasts is not None:
            await context.clock.sleep(planned.lasts)
            tell(Level.INFO, "mended")
            await device.mend(planned.fault)
    except (TestbedError, BenchFileError) as error:
        tell(Level.ERROR, str(error))
