"""What a test breaks on purpose: plugs of emulated devices, pulled and put in again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from testbed.emulators.pulling import DONE, KIND, PLUG, UNPLUG
from testbed.errors import TestbedError, UsageError
from testbed.signals import Event

from .grounds import Ground
from .scene import Scene

_PATIENCE_S = 5.0


class FaultsHandle:
    """Breaks and mends. Other faults than plugs will be further methods, over the same orders and events."""

    def __init__(self, scene: Scene, ground: Ground) -> None:
        self._scene = scene
        self._ground = ground
        self._recorded: list[Event] = []
        if ground.recording is not None:
            self._recorded = [each for each in ground.recording.events() if each.kind == KIND]

    async def unplug(self, device: str) -> None:
        """Cut a device off as a pulled cable does; raises UsageError for one that has no plug."""
        await self._do(UNPLUG, device)

    async def plug(self, device: str) -> None:
        """Put it in again."""
        await self._do(PLUG, device)

    @contextlib.asynccontextmanager
    async def unplugged(self, device: str) -> AsyncIterator[None]:
        """Have a device cut off while the block runs."""
        await self.unplug(device)
        try:
            yield
        finally:
            await self.plug(device)

    async def _do(self, verb: str, device: str) -> None:
        if device not in self._scene.bench.devices:
            from testbed.bench import nearest

            hint = nearest(device, self._scene.bench.devices)
            raise UsageError(f"the bench has no device {device!r}", hint)
        if self._ground.recording is not None:
            await self._as_recorded(verb, device)
            return
        assert self._ground.order is not None  # noqa: S101  (wherever devices are emulated there is one)
        done = asyncio.Event()

        def hear(event: Event) -> None:
            if (event.source, event.kind, event.text) == (device, KIND, DONE[verb]):
                done.set()

        self._scene.events.append(hear)
        try:
            self._ground.order({verb: device})
            async with asyncio.timeout(_PATIENCE_S):
                await done.wait()
        except TimeoutError:
            message = f"cannot {verb} {device}: its emulator did not"
            raise TestbedError(message, "see the log of this test") from None
        finally:
            self._scene.events.remove(hear)

    async def _as_recorded(self, verb: str, device: str) -> None:
        """Wait until it was done in the recording, whose bytes tell the rest."""
        for number, event in enumerate(self._recorded):
            if (event.source, event.text) == (device, DONE[verb]):
                del self._recorded[number]
                due = asyncio.Event()
                self._scene.clock.at(event.time_ns, due.set)
                await due.wait()
                return
        message = f"in the recording {device} was not {DONE[verb]} at this point"
        raise UsageError(message, "the test has changed since: record it anew")
