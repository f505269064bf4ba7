"""A running bench as a test sees it: bench["chamber"].setpoint.set(60, "degC")."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from testbed.errors import TestbedError, UsageError

if TYPE_CHECKING:
    from testbed.signals import Command, Quality, Sample, Signal
    from testbed.twin.mirror import Reading

Ask = Callable[["Signal", float, str], Awaitable["Command"]]

Sleep = Callable[[float], Awaitable[None]]

REQUESTER = "test"
"""Who a recording says gave the commands of a test."""


class CommandNotDone(TestbedError):
    """A command did not reach its device, or the device did not take it; `command` holds what is known."""

    exit_code = 1

    def __init__(self, message: str, command: Command) -> None:
        super().__init__(message, "see why with: testbed why SESSION SIGNAL@TIME")
        self.command = command


class ReadableSignal:
    """A signal and what is known of it now."""

    def __init__(self, signal: Signal, reading: Reading) -> None:
        self.signal = signal
        self._reading = reading

    @property
    def path(self) -> str:
        """device.signal."""
        return self.signal.path

    @property
    def unit(self) -> str:
        """The unit of `value`."""
        return self.signal.unit

    @property
    def last(self) -> Sample:
        """The newest sample, whatever its quality."""
        return self._reading.last

    @property
    def value(self) -> float:
        """The last good value, in `unit`; NaN before the first."""
        return self._reading.good_value

    @property
    def quality(self) -> Quality:
        """The quality of the newest sample."""
        return self._reading.last.quality

    def __repr__(self) -> str:
        return f"<{self.path} {self.value:g} {self.unit}>".replace(" >", ">")


class WritableSignal(ReadableSignal):
    """A signal that commands may be given to."""

    def __init__(self, signal: Signal, reading: Reading, ask: Ask) -> None:
        super().__init__(signal, reading)
        self._ask = ask

    async def set(self, value: float, unit: str | None = None) -> Command:
        """Command a value (in the signal's unit unless `unit` says another) and wait until it is taken.

        Raises UsageError for a unit that does not fit, CommandNotDone when it was refused, failed or
        expired.
        """
        from testbed.signals import Outcome

        command = await self._ask(self.signal, self._in_unit(value, unit), REQUESTER)
        if command.outcome not in (Outcome.ACKNOWLEDGED, Outcome.SUPERSEDED):
            text = f"{self.path} to {command.value:g} {self.unit}".rstrip()
            raise CommandNotDone(f"{text}: {command.outcome}: {command.reason}", command)
        return command

    def _in_unit(self, value: float, unit: str | None) -> float:
        from testbed.bench.units import convert

        if not isinstance(value, (bool, int, float)) or not math.isfinite(value):
            raise UsageError(f"{self.path} cannot be set to {value!r}", "give a number")
        if unit is None:
            return float(value)
        try:
            return convert(f"{float(value)!r} {unit}", self.unit)
        except ValueError as error:
            raise UsageError(f"{self.path} cannot be set to {value:g} {unit}: {error}") from None


class DeviceHandle:
    """A device by its signals; `testbed new stubs` writes subclasses that name them, for editors."""

    def __init__(self, name: str, signals: Mapping[str, ReadableSignal]) -> None:
        self._name = name
        self._signals = signals

    def __repr__(self) -> str:
        return f"<device {self._name}>"


class BenchHandle:
    """A running bench by its devices; `testbed new stubs` writes subclasses that name them, for editors."""

    def __init__(self, name: str, devices: Mapping[str, DeviceHandle], sleep: Sleep) -> None:
        self._name = name
        self._devices = devices
        self._sleep = sleep

    async def sleep(self, time: str | float) -> None:
        """Let time pass, as the bench has it: "20 s", or seconds; in virtual time it takes none.

        Raises UsageError for what is no time.
        """
        from testbed.bench.units import seconds

        try:
            await self._sleep(seconds(time))
        except ValueError as error:
            raise UsageError(f"{time!r} is no time: {error}", 'write for example "20 s"') from None

    def __repr__(self) -> str:
        return f"<bench {self._name}>"


class AnyDevice(DeviceHandle):
    """A device whose signals are known when it runs: device.signal or device["signal"]."""

    def __getitem__(self, name: str) -> Any:
        return _find(name, self._signals, f"{self._name} has no signal")

    def __getattr__(self, name: str) -> Any:
        return _attribute(self, name)


class AnyBench(BenchHandle):
    """A bench whose devices are known when it runs: bench.device or bench["device"]."""

    def __getitem__(self, name: str) -> AnyDevice:
        found: AnyDevice = _find(name, self._devices, f"bench {self._name} has no device")
        return found

    def __getattr__(self, name: str) -> AnyDevice:
        found: AnyDevice = _attribute(self, name)
        return found


def open_handles(
    name: str, signals: Iterable[Signal], readings: list[Reading], ask: Ask, sleep: Sleep
) -> AnyBench:
    """Return a running bench as a test sees it.

    `readings` by the signals' numbers, `ask` gives commands, `sleep` takes seconds of the session's clock.
    """
    devices: dict[str, dict[str, ReadableSignal]] = {}
    for signal in signals:
        reading = readings[signal.id]
        handle = WritableSignal(signal, reading, ask) if signal.writable else ReadableSignal(signal, reading)
        devices.setdefault(signal.device, {})[signal.name] = handle
    return AnyBench(name, {device: AnyDevice(device, held) for device, held in devices.items()}, sleep)


def _attribute(owner: Any, name: str) -> Any:
    if name.startswith("_"):  # asked by copy, pickle and the like before anything is set
        raise AttributeError(name)
    try:
        return owner[name]
    except UsageError as error:
        raise AttributeError(str(error)) from None


def _find(name: str, known: Mapping[str, Any], complaint: str) -> Any:
    if name not in known:
        from testbed.bench import nearest

        raise UsageError(f"{complaint} {name!r}", nearest(name, known))
    return known[name]
