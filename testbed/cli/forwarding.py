"""Forwards a session while it is recorded, in a process of its own, as the live view does.

`run` starts it with `testbed forward --follow`; it reads the session file and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .forward import send, tell

if TYPE_CHECKING:
    from testbed.bench import Bench, Influxdb

_FILE_PATIENCE = 10.0  # s until the session of a run can be read
_ORPHAN_PATIENCE = 60.0  # s that a forwarder whose controller is gone waits for the server
_LAST_WORDS = 5.0  # s that a run, when it has ended, waits for its forwarder
_NICENESS = 10


@contextlib.contextmanager
def forwarding(path: Path, bench: Bench, *, wanted: bool) -> Iterator[None]:
    """Forward the session at `path` while the block runs, in a process of its own that reads the file.

    So nothing that a server or a network does can reach the control path. What has not been sent when
    the run has ended is named; it stays in the session file.
    """
    if not wanted or bench.influxdb is None:
        yield
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "testbed", "forward", "--follow", str(path), *_options(bench.influxdb)],
        stdin=subprocess.DEVNULL,
    )
    try:
        yield
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LAST_WORDS)
    finally:
        process.terminate()  # it notes how far it came and ends
        if process.wait():
            tell(f"not everything was forwarded; send the rest with: testbed forward {path}")


def _options(target: Influxdb) -> Iterator[str]:
    """Yield the options for a target; the token goes by the name of its variable."""
    for key in ("url", "org", "bucket", "ca"):
        if text := getattr(target, key):
            yield from (f"--{key}", text)
    if target.token:
        yield from ("--token-from", target.token.strip("${}"))


def follow(path: Path, given: Influxdb) -> None:
    """Forward a session until it has ended, or its controller is gone and all it committed is sent."""
    import signal

    from testbed.session.forward import Bookmark

    # Ctrl-C reaches the whole terminal: the run ends by it, and we when we have sent its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)  # the controller goes first
    controller = os.getppid()
    target = given.filled_in(os.environ)

    def recording() -> bool:
        return os.getppid() == controller

    if not _begun(path, recording):
        return

    async def main() -> bool:
        task = asyncio.ensure_future(send(path, target, _ORPHAN_PATIENCE, recording))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            return (await task).ended
        except asyncio.CancelledError:
            return False

    ended = asyncio.run(main())
    if ended:
        Bookmark(path, "").settle()
    raise typer.Exit(0 if ended else 1)


def _begun(path: Path, recording: Callable[[], bool]) -> bool:
    """Wait until the session can be read; a file that is being laid out is none yet."""
    from testbed.errors import TestbedError
    from testbed.session.file import SessionReader

    deadline = time.monotonic() + _FILE_PATIENCE
    while recording() and time.monotonic() < deadline:
        with contextlib.suppress(TestbedError):
            SessionReader(path).close()
            return True
        time.sleep(0.05)  # a process of its own, with nothing else to do meanwhile
    return False
