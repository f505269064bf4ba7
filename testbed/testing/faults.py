"""What a test breaks on purpose: any fault of the catalogue, by name."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import NoReturn

from testbed.bench import PlannedFault
from testbed.emulators.breaking import KIND, MENDED
from testbed.errors import TestbedError, UsageError
from testbed.session.faults import FaultRefused
from testbed.session.verify import known_faults, wrong_with
from testbed.signals import Event, Level

from .grounds import SOURCE, Ground
from .scene import Scene

_PATIENCE_S = 5.0
_UNPLUG = "unplug"


class FaultsHandle:
    """Breaks and mends: faults at the wire of every device, the others of emulated ones."""

    def __init__(self, scene: Scene, ground: Ground, block: Callable[[str], NoReturn]) -> None:
        """`block` ends a test that breaks what cannot be broken on a real bench."""
        self._scene = scene
        self._block = block
        self._real = ground.mode == "real"
        self._replayed = ground.recording is not None
        self._recorded: list[Event] = []
        if ground.recording is not None:
            self._recorded = [each for each in ground.recording.events() if each.kind == KIND]

    async def inject(
        self, device: str, fault: str, *, lasts: str | None = None, **parameters: str | float
    ) -> None:
        """Begin a fault, such as faults.inject("probe", "delay", by="200 ms", lasts="5 s").

        Returns when it has begun; without `lasts` one that lasts stays until it is cleared, or to the end
        of the test. Raises UsageError for what the catalogue does not know, FaultRefused for what cannot be.
        """
        from testbed.bench.units import seconds

        span = None if lasts is None else seconds(lasts)
        planned = PlannedFault(device, fault, 0.0, span, dict(parameters))
        for _, text, hint in wrong_with(self._scene.bench, planned):
            raise UsageError(text, hint)
        await self._done(device, fault, ended=False, do=lambda: self._scene.parts.faults.arm(planned, SOURCE))

    async def clear(self, device: str, fault: str) -> None:
        """End a fault; raises FaultRefused when it is not on."""
        await self._done(device, fault, ended=True, do=lambda: self._scene.parts.faults.mend(device, fault))

    @contextlib.asynccontextmanager
    async def injected(self, device: str, fault: str, **parameters: str | float) -> AsyncIterator[None]:
        """Have a fault on while the block runs."""
        await self.inject(device, fault, lasts=None, **parameters)
        try:
            yield
        finally:
            if known_faults(self._scene.bench)[fault].lasts:
                await self.clear(device, fault)

    async def unplug(self, device: str) -> None:
        """Cut an emulated device off as a pulled cable does."""
        await self.inject(device, _UNPLUG)

    async def plug(self, device: str) -> None:
        """Put it in again."""
        await self.clear(device, _UNPLUG)

    @contextlib.asynccontextmanager
    async def unplugged(self, device: str) -> AsyncIterator[None]:
        """Have an emulated device cut off while the block runs."""
        async with self.injected(device, _UNPLUG):
            yield

    async def _done(self, device: str, fault: str, *, ended: bool, do: Callable[[], None]) -> None:
        """Do it, and return when it is told of; in a replay when it was."""
        begins, ends = f"{fault} at {device}: ", f"{fault} at {device}: {MENDED}"

        def tells(event: Event) -> bool:
            if (event.source, event.kind) != (device, KIND):
                return False
            return event.text == ends if ended else event.text.startswith(begins) and event.text != ends

        if self._replayed:
            await self._as_recorded(tells, f"{device}: {fault}")
            return
        told: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

        def hear(event: Event) -> None:
            if tells(event) and not told.done():
                told.set_result(event)

        self._scene.events.append(hear)
        try:
            self._ask(do)
            async with asyncio.timeout(_PATIENCE_S):
                event = await told
        except TimeoutError:
            raise TestbedError(f"{device}: {fault} was not done by its emulator", "see its log") from None
        finally:
            self._scene.events.remove(hear)
        if event.level is Level.ERROR:
            raise FaultRefused(f"{device}: {event.text}")

    def _ask(self, do: Callable[[], None]) -> None:
        try:
            do()
        except FaultRefused as error:
            if self._real:
                self._block(str(error))
            raise

    async def _as_recorded(self, tells: Callable[[Event], bool], what: str) -> None:
        """Wait until it was done in the recording, whose bytes tell the rest."""
        for number, event in enumerate(self._recorded):
            if tells(event):
                del self._recorded[number]
                due = asyncio.Event()
                self._scene.clock.at(event.time_ns, due.set)
                await due.wait()
                return
        message = f"the recording has no such fault at this point: {what}"
        raise UsageError(message, "the test has changed since: record it anew")
