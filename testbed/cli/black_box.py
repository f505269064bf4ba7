"""How `testbed run --black-box` is asked for, and the key that saves."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import asyncio

    from testbed.bench import Bench
    from testbed.session.black_box import Window

KEY = b"s"

Keep = Annotated[
    str | None,
    typer.Option("--black-box", metavar="TIME", help="Keep only the last TIME; triggers save it."),
]
Triggers = Annotated[
    list[str] | None,
    typer.Option("--trigger", metavar="SIGNAL", help="Save when it turns true; more than one may be given."),
]


def parse_window(bench: Bench, keep_s: float | None, triggers: Sequence[str]) -> Window | None:
    """Return what is to be kept, None for all; raises UsageError naming the nearest signal there is."""
    from testbed.bench import nearest
    from testbed.errors import UsageError
    from testbed.session.black_box import Window

    if keep_s is None:
        if triggers:
            raise UsageError("--trigger saves what --black-box keeps", "add for example --black-box 5min")
        return None
    for path in triggers:
        if path not in bench.by_path:
            raise UsageError(f"--trigger {path}: there is no such signal", nearest(path, bench.by_path))
    return Window(keep_s, tuple(bench.by_path[path] for path in triggers))


@contextlib.contextmanager
def save_key(loop: asyncio.AbstractEventLoop, save: Callable[[], None]) -> Iterator[None]:
    """Call `save` for SIGUSR1, and for each KEY that is pressed on a terminal, while the block runs."""
    import signal

    loop.add_signal_handler(signal.SIGUSR1, save)
    try:
        with _single_keys() as keys:
            if keys is not None:
                loop.add_reader(keys, lambda: _read(loop, keys, save))
            yield
            if keys is not None:
                loop.remove_reader(keys)
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)


def _read(loop: asyncio.AbstractEventLoop, keys: int, save: Callable[[], None]) -> None:
    try:
        pressed = os.read(keys, 64)
    except OSError:
        pressed = b""
    if not pressed:  # the terminal is gone
        loop.remove_reader(keys)
    for _ in range(pressed.count(KEY)):
        save()


@contextlib.contextmanager
def _single_keys() -> Iterator[int | None]:
    """Let a terminal hand on each key at once; yields where to read them, None if there is no terminal.

    In the background it is not ours: setting it would stop us.
    """
    import termios
    import tty

    keys = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
    if keys is None or os.tcgetpgrp(keys) != os.getpgrp():
        yield None
        return
    before = termios.tcgetattr(keys)
    tty.setcbreak(keys)
    try:
        yield keys
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
