"""Keeps a process alone while virtual time runs: what would bring in real time or order is refused.

Python tells its audit hooks (PEP 578) of every process and connection before it makes it, also when a
library does it; a hook that raises prevents it. Hooks cannot be removed, so ours sleeps between. Of
threads Python 3.11 tells no hook, so their `start` is another while we are alone.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

from testbed.errors import TestbedError

_REFUSED = {
    "subprocess.Popen": "a process",
    "os.fork": "a process (fork)",
    "os.forkpty": "a process (forkpty)",
    "os.posix_spawn": "a process",
    "os.system": "a process",
    "socket.connect": "a network connection",
    "socket.bind": "a network socket",
}

_installed = False
_active = False


class VirtualTimeError(TestbedError):
    """Something was asked for that cannot be in virtual time."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(message, "run this bench in real time (without --virtual), or leave that part out")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Refuse threads, processes and connections of this process while the block runs."""
    global _installed, _active
    if not _installed:
        _installed = True
        sys.addaudithook(_hook)
    _active = True
    start = threading.Thread.start
    threading.Thread.start = _no_thread  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
        _active = False


def _no_thread(thread: threading.Thread) -> None:
    target = getattr(thread, "_target", None) or type(thread)
    raise VirtualTimeError(
        f"a thread ({thread.name}, running {target.__qualname__}) would break virtual time"
    )


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _active and event in _REFUSED:
        raise VirtualTimeError(f"{_REFUSED[event]} ({_asked(event, arguments)}) would break virtual time")


def _asked(event: str, arguments: tuple[Any, ...]) -> str:
    """Say what it was about: the program of a process, an address."""
    if event.startswith("socket"):
        return str(arguments[1])
    return str(arguments[0]) if arguments else event
