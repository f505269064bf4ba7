"""Keeps a process alone while virtual time runs: what would bring in real time or order is refused.

Python tells its audit hooks (PEP 578) of every process and connection before it makes it, also when a
library does it; a hook that raises prevents it. Hooks cannot be removed, so ours sleeps between. Of
threads and of multiprocessing Python 3.11 tells no hook, so their `start` is another while we are alone.
"""

from __future__ import annotations

import _thread
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
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
    "socket.sendto": "a network packet",
    "socket.sendmsg": "a network packet",
    "socket.getaddrinfo": "a network name",
    "socket.gethostbyname": "a network name",
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
    try:
        with contextlib.ExitStack() as stack:
            for owner, name, instead in (
                (threading.Thread, "start", _no_thread),
                (_thread, "start_new_thread", _no_low_thread),
                (BaseProcess, "start", _no_process),
            ):
                stack.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, instead)
            yield
    finally:
        _active = False


def _no_thread(thread: threading.Thread) -> None:
    target = getattr(thread, "_target", None) or type(thread)
    raise VirtualTimeError(
        f"a thread ({thread.name}, running {target.__qualname__}) would break virtual time"
    )


def _no_low_thread(function: Callable[..., Any], *arguments: Any) -> None:
    raise VirtualTimeError(f"a thread (running {function.__qualname__}) would break virtual time")


def _no_process(process: BaseProcess) -> None:
    target = getattr(process, "_target", None) or type(process)
    raise VirtualTimeError(
        f"a process ({process.name}, running {target.__qualname__}) would break virtual time"
    )


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _active and event in _REFUSED:
        raise VirtualTimeError(f"{_REFUSED[event]} ({_asked(event, arguments)}) would break virtual time")


def _asked(event: str, arguments: tuple[Any, ...]) -> str:
    """Say what it was about: the program of a process, an address."""
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        return str(arguments[0])
    if event.startswith("socket"):
        return str(arguments[1])
    return str(arguments[0]) if arguments else event
