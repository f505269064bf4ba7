"""However a driver is ended, it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any

from testbed.bench.device import Device
from testbed.clock import SystemClock
from testbed.drivers import LinkState, driver_class

from .parts import Parts
from .rig import DriverLog, emulate, eventually, run_driver

_EMULATORS = "/testbed/emulators/"


class CancelledAt:
    """Runs a coroutine in a task that is cancelled as it waits for the `number`-th time."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], number: int) -> None:
        self._coroutine = coroutine
        self._left = number
        self.asked = False
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Run it to its end."""
        await self

    def __await__(self) -> Generator[Any, Any, None]:
        """Hand on all that it waits for, and count."""
        try:
            waited = self._coroutine.send(None)
            while True:
                self._left -= 1
                if self._left == 0 and self.task is not None:
                    self.asked = True
                    asyncio.get_running_loop().call_soon(self.task.cancel)
                try:
                    answer = yield waited
                except BaseException as error:
                    waited = self._coroutine.throw(error)
                else:
                    waited = self._coroutine.send(answer)
        except StopIteration:
            return


class EndContract(Parts):
    """A driver that is cancelled ends closed, at whichever await, and leaves nothing behind."""

    async def test_cancelled_at_every_await_it_ends_closed_and_leaves_no_task(self) -> None:
        async with emulate(self.device()) as emulated:
            device = emulated["dut"].device
            async with run_driver(device):  # what an emulator starts for its first visitor is not ours
                pass
            before = asyncio.all_tasks()
            number, reached = 1, False
            while not reached:
                reached = await self._cancelled_at(device, number, before)
                number += 1
            async with run_driver(device) as log:
                driver = log.driver
            assert driver is not None
            assert driver.state is LinkState.CLOSED
            await self._no_task_beyond(before)

    async def _cancelled_at(self, device: Device, number: int, before: set[asyncio.Task[object]]) -> bool:
        """Cancel a starting driver at its await of that number; True if it never has so many, but serves."""
        clock = SystemClock()
        log = DriverLog(clock)
        driver = log.driver = driver_class(device.profile.protocol)(device, log.context())
        counted = CancelledAt(driver.run(), number)
        task = counted.task = asyncio.create_task(counted.run())
        await eventually(
            lambda: task.done() or log.good(self.readable), f"await {number} or a sample", self.within
        )
        serving = not counted.asked
        task.cancel()
        await asyncio.wait([task], timeout=self.within)
        assert task.cancelled(), f"cancelled at await {number}"
        assert driver.state is LinkState.CLOSED
        await self._no_task_beyond(before)
        clock.close()
        return serving

    async def _no_task_beyond(self, before: set[asyncio.Task[object]]) -> None:
        # A turn or two is fair: a task that was told to end may still be unwinding.
        await eventually(lambda: not self._left_over(before), "no task left over", 2.0)

    def _left_over(self, before: set[asyncio.Task[object]]) -> list[asyncio.Task[object]]:
        """Return the tasks that the driver has left; those that the emulated device works in are its own."""
        codes = {task: getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks() - before}
        return [task for task, code in codes.items() if code is None or _EMULATORS not in code.co_filename]
