"""One alarm that wakes the event loop at an absolute time with microsecond resolution.

The loop's own timers are rounded up to a millisecond by epoll; a timerfd is not (measured: half a
millisecond earlier at p50, see docs/decisions).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Protocol

_TFD_NONBLOCK_CLOEXEC = os.O_NONBLOCK | 0o2000000
_TFD_TIMER_ABSTIME = 1
_CLOCK_MONOTONIC = 1


class Alarm(Protocol):
    """Calls back once at the armed monotonic time; arming again replaces the time."""

    def arm(self, monotonic_ns: int) -> None:
        """Ask for a wake-up at `monotonic_ns`."""

    def rest(self) -> None:
        """Forget an expiry that was called back and not followed by `arm`."""

    def close(self) -> None:
        """Never call back again."""


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class TimerfdAlarm:
    """An alarm on a Linux timerfd (timerfd_create(2)).

    Arming clears an expiry, so the descriptor need not be read when the callback arms it again: one
    system call less for each wake-up. A callback that does not must call `rest`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._spec = _Itimerspec()
        self._reference = ctypes.byref(self._spec)
        self._loop = loop
        loop.add_reader(self._fd, callback)

    def arm(self, monotonic_ns: int) -> None:
        """Ask for a wake-up at `monotonic_ns` (a time in the past wakes at once)."""
        value = self._spec.value
        value.seconds, value.nanoseconds = divmod(max(monotonic_ns, 1), 1_000_000_000)
        self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, self._reference, None)

    def rest(self) -> None:
        """Clear the expiry."""
        with contextlib.suppress(BlockingIOError):  # there was none
            os.read(self._fd, 8)

    def close(self) -> None:
        """Release the descriptor."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1


class LoopAlarm:
    """The same on the event loop's own timer, for systems without timerfd."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, monotonic_ns: int) -> None:
        """Ask for a wake-up at `monotonic_ns`."""
        self.close()
        delay = (monotonic_ns - time.monotonic_ns()) / 1e9
        self._handle = self._loop.call_later(max(delay, 0.0), self._callback)

    def rest(self) -> None:
        """Do nothing: an expired timer of a loop is gone by itself."""

    def close(self) -> None:
        """Forget the wake-up."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def best_alarm(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> Alarm:
    """Return the finest alarm that this system has."""
    if sys.platform == "linux":
        return TimerfdAlarm(loop, callback)
    return LoopAlarm(loop, callback)
