"""Resets real boards: by a modem line of their port, or by a relay of another device."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from testbed.bench import Bench
from testbed.bench.boards import PORT_RESETS
from testbed.bench.device import Device
from testbed.clock import NS, Clock, SystemClock
from testbed.drivers import Driver, DriverContext, driver_class
from testbed.errors import LinkError, UsageError
from testbed.links import no_tap
from testbed.signals import Command, Event, Outcome, Priority, Signal, Verdict

from .flashing import device_with_board

_PULSE = 0.2  # s; reset inputs have filters of milliseconds, relays take ten
_ONLINE_WITHIN = 10.0
_DEADLINE_NS = 5 * NS

Tell = Callable[[Event], None]


def reset_plan(bench: Bench, name: str) -> str:
    """Return in words what `reset_board` would do; raises UsageError when the bench file does not say how."""
    device, how = _how(bench, name)
    if how in PORT_RESETS:
        return f"assert {how.upper()} of {_port(device, how)} for {_PULSE:g} s"
    return f"set {how} to 1 for {_PULSE:g} s, then to 0"


async def reset_board(bench: Bench, name: str, tell: Tell) -> None:
    """Reset a device's board; raises LinkError when its port or its relay cannot be reached."""
    device, how = _how(bench, name)
    if how in PORT_RESETS:
        await _by_line(_port(device, how), how)
    else:
        await _by_relay(bench.by_path[how], bench.devices[how.partition(".")[0]], tell)


def _how(bench: Bench, name: str) -> tuple[Device, str]:
    device = device_with_board(bench, name)
    how = device.board.reset if device.board else None
    if how is None:
        raise UsageError(
            f"{name}: the bench file does not say how its board is reset",
            f"add devices: {name}: board: {{reset: dtr}}, or rts, or break, or device.signal of a relay",
        )
    return device, how


def _port(device: Device, how: str) -> str:
    if device.wire.scheme not in ("serial", "modbus+rtu", "modbus+ascii"):
        raise UsageError(
            f"{device.name}: only a serial port has {how.upper()}, and its wire is {device.wire}"
        )
    return device.wire.path


async def _by_line(port: str, line: str) -> None:
    """Assert a line for a moment; the others rest: to some boards two mean "bootloader"."""
    import serial

    device = serial.Serial()
    device.port = port
    device.dtr = device.rts = False
    try:
        device.open()
        try:
            name = "break_condition" if line == "break" else line
            setattr(device, name, True)
            await asyncio.sleep(_PULSE)
            setattr(device, name, False)
        finally:
            device.close()
    except OSError as error:  # serial.SerialException is one
        raise LinkError(
            f"cannot move {line.upper()} of {port}: {error}", "run: testbed scan serial"
        ) from error


async def _by_relay(signal: Signal, device: Device, tell: Tell) -> None:
    clock = SystemClock()
    online = asyncio.Event()

    def report(event: Event) -> None:
        tell(event)
        if event.kind == "online":
            online.set()

    context = DriverContext(
        clock, lambda sample: None, report, no_tap, random.Random(0), lambda *command: None
    )
    driver = driver_class(device.profile.protocol)(device, context)
    running = asyncio.create_task(driver.run(), name=f"driver {device.name}")
    try:
        async with asyncio.timeout(_ONLINE_WITHIN):
            await online.wait()
        try:
            await _set(driver, signal, 1.0, clock)
            await asyncio.sleep(_PULSE)
        finally:
            await _set(driver, signal, 0.0, clock)  # a board must not be held in reset whatever happens
    except TimeoutError:
        raise LinkError(
            f"{device.name}: the relay was not reached within {_ONLINE_WITHIN:g} s on {device.wire}"
        ) from None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        clock.close()


async def _set(driver: Driver, signal: Signal, value: float, clock: Clock) -> None:
    done = asyncio.Event()
    now = clock.now()
    command = Command(
        signal.id, value, "reset", now, now + _DEADLINE_NS, priority=Priority.SAFE,
        verdict=Verdict.ALLOWED, on_done=lambda command: done.set(),
    )  # fmt: skip
    driver.submit(command)
    await done.wait()
    if command.outcome is not Outcome.ACKNOWLEDGED:
        raise LinkError(f"{signal.path} was not set to {value:g}: {command.reason}")
