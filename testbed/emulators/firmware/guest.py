"""Firmware that runs: the process of it, its console, and what can be done to it from outside."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import IntEnum

from testbed.errors import LinkError, TestbedError

from .boards import Board, Start

_READY_WITHIN = 10.0  # s; it takes 0.1 s on an idle machine
_STOP_WITHIN = 2.0
_BOOTED = "boot:"
_NO_NETWORK = "has no peer"  # QEMU warns of the board's network chip, which nothing uses
_LONGEST_LINE = 1 << 16
_PR_SET_PDEATHSIG = 1


class Boot(IntEnum):
    """Why firmware starts, as the latch of its supply supervisor tells it (enum boot_reason of hal.h)."""

    POWER_ON = 0
    RESET = 1
    BROWN_OUT = 3


class Guest:
    """One board, on or off. `console` hears each line; `ended` when it stops without having been asked to."""

    def __init__(
        self,
        name: str,
        board: Board,
        start: Start,
        console: Callable[[str], None],
        ended: Callable[[str], None],
    ) -> None:
        self.start_ = start
        self._name = name
        self._board = board
        self._console = console
        self._ended = ended
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._booted = asyncio.Event()
        self._last = "it said nothing"

    async def start(self, start: Start | None = None) -> None:
        """Switch on and wait until the firmware says that it has started; raises LinkError if it does not.

        Another `start` than its own is for a damaged image, which need not come up: nothing is awaited.
        """
        self._booted.clear()
        command = self._board.command(start or self.start_)
        self.start_.qmp.unlink(missing_ok=True)
        process = self._process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, pass_fds=(self.start_.wire,),
            preexec_fn=_die_with_parent, limit=_LONGEST_LINE,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read(process), name=f"console {self._name}")
        if start is not None:
            return
        try:
            async with asyncio.timeout(_READY_WITHIN):
                await self._booted.wait()
        except TimeoutError:
            await self.stop()
            raise LinkError(
                f"{self._name}: {self.start_.image} did not start within {_READY_WITHIN:g} s",
                f"run it by hand: {' '.join(command)}",
            ) from None
        if process.returncode is not None:
            raise LinkError(
                f"{self._name}: {self.start_.image} ended at once (exit {process.returncode}): {self._last}",
                f"run it by hand: {' '.join(command)}",
            )

    async def stop(self) -> None:
        """Switch off, as pulling the plug does."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
        if self._reader is not None:
            await self._reader
            self._reader = None

    async def hang(self) -> None:
        """Stop the clock of the microcontroller: nothing runs, no timer, no watchdog."""
        if self._board.qmp:
            await self._qmp("stop")
        elif self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    async def go_on(self) -> None:
        """Let it run again."""
        if self._board.qmp:
            await self._qmp("cont")
        elif self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    async def reset(self) -> bool:
        """Pull the reset line; False when this board has none and must be started again instead."""
        if self._board.qmp:
            await self._qmp("system_reset")
        return self._board.qmp

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101  (asked for as a pipe)
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # firmware gone mad: it must not block on a console that nobody reads
                self._said(f"a line of more than {_LONGEST_LINE} bytes")
                continue
            if not line:
                break
            self._said(line.decode("ascii", "backslashreplace").strip())
        code = await process.wait()
        if process is self._process:
            self._booted.set()
            self._ended(f"it ended by itself (exit {code})")

    def _said(self, text: str) -> None:
        if text and _NO_NETWORK not in text:
            self._last = text
            self._console(text)
        if text.startswith(_BOOTED):
            self._booted.set()

    async def _qmp(self, command: str) -> None:
        async with _monitor(self._name, str(self.start_.qmp)) as execute:
            await execute(command)


@contextlib.asynccontextmanager
async def _monitor(name: str, path: str) -> AsyncIterator[Callable[[str], Awaitable[object]]]:
    """Speak to QEMU's monitor for a moment; raises TestbedError when it does not answer."""
    from qemu.qmp import QMPClient, QMPError

    client = QMPClient(name)
    try:
        async with asyncio.timeout(_STOP_WITHIN):
            await client.connect(path)
            try:
                yield client.execute
            finally:
                await client.disconnect()
    except (QMPError, OSError, TimeoutError) as error:
        raise TestbedError(
            f"{name}: QEMU's monitor does not answer: {type(error).__name__} {error}"
        ) from error


_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """Let Linux kill the firmware when the emulator is gone, however it went (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
