"""Brings actuators to their safe values, whatever has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from testbed.clock import Clock
from testbed.drivers import Driver, LinkState
from testbed.signals import Command, Event, Level, Outcome, Priority, Signal

from .commander import Commander

_RETRY_PAUSE = 0.1  # s
_RECONNECT_PATIENCE = 2.0  # s that a device which is just reconnecting is waited for


class SafeState:
    """Drives one signal, or all writable signals of a bench, to their safe values."""

    def __init__(
        self,
        signals: Iterable[Signal],
        drivers: Mapping[str, Driver],
        commander: Commander,
        clock: Clock,
        report: Callable[[Event], None],
    ) -> None:
        self._signals = [signal for signal in signals if signal.writable and signal.safe is not None]
        self._drivers = drivers
        self._commander = commander
        self._clock = clock
        self._report = report

    def drive(self, signal: Signal, requester: str) -> Command:
        """Send one signal to its safe value, ahead of everything that waits for the wire."""
        assert signal.safe is not None  # noqa: S101  (profiles are refused without one)
        return self._commander.command(signal, signal.safe, requester, priority=Priority.SAFE)

    async def reach(self, requester: str, release: Callable[[str], object]) -> list[Signal]:
        """Bring every writable signal to its safe value; return those that could not be shown to be there.

        Each is tried until its device acknowledges, for as long as such a command normally takes on its
        wire (a class A LoRaWAN device: its next uplink). `release` is called with the name of each
        device that needs nothing more.
        """
        missed = await asyncio.gather(
            *(self._settle_device(device, requester, release) for device in self._drivers)
        )
        return [signal for signals in missed for signal in signals]

    async def _settle_device(
        self, device: str, requester: str, release: Callable[[str], object]
    ) -> list[Signal]:
        signals = [signal for signal in self._signals if signal.device == device]
        reached = await asyncio.gather(*(self._settle(signal, requester) for signal in signals))
        missed = [signal for signal, safe in zip(signals, reached, strict=True) if not safe]
        for signal in missed:
            safe = f"{signal.safe:g} {signal.unit}".rstrip()
            text = f"{signal.path} could not be brought to its safe value {safe}"
            self._report(Event(self._clock.now(), Level.ERROR, signal.path, "unsafe", text))
        release(device)
        return missed

    async def _settle(self, signal: Signal, requester: str) -> bool:
        driver = self._drivers[signal.device]
        if not driver.reached:
            return True  # never reached in this run: nothing of ours ever moved it
        patience = driver.command_timeout
        deadline = self._clock.now() + round((patience + _RECONNECT_PATIENCE) * 1e9)
        while self._clock.now() < deadline:
            if driver.state is LinkState.ONLINE:
                assert signal.safe is not None  # noqa: S101  (only those were kept)
                command = await self._commander.ask(signal, signal.safe, requester, Priority.SAFE)
                if command.outcome is Outcome.ACKNOWLEDGED:
                    return True
            await self._clock.sleep(_RETRY_PAUSE)
        return False
