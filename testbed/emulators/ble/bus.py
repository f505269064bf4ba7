"""A D-Bus of our own: one dbus-daemon in the emulator's folder, gone when we are."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from testbed.errors import MissingPart, TestbedError

_SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un.sun_path, unix(7)
_START_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1

# Who can reach the socket may do everything: the folder's permissions decide who that is.
_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow send_type="signal"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""


@contextlib.asynccontextmanager
async def private_bus(folder: Path) -> AsyncIterator[str]:
    """Run a dbus-daemon while the block runs; yields its D-Bus address.

    Raises MissingPart when it is not installed, TestbedError with its own words when it does not start.
    """
    program = shutil.which("dbus-daemon")
    if program is None:
        raise MissingPart(
            "emulated Bluetooth devices need dbus-daemon, which is not installed",
            "apt-get install dbus-daemon",
        )
    socket, config, log = folder / "bus.sock", folder / "bus.conf", folder / "bus.log"
    if len(str(socket).encode()) > _SOCKET_PATH_LIMIT:
        raise TestbedError(f"{socket} is too long for a socket", "set TMPDIR to a shorter folder")
    address = f"unix:path={quote(str(socket), safe='/')}"
    config.write_text(_CONFIG.format(address=escape(address)))
    with log.open("wb") as errors:
        daemon = await asyncio.create_subprocess_exec(
            program, f"--config-file={config}", "--nofork", "--nopidfile", "--nosyslog", "--print-address=1",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=errors,
            preexec_fn=_die_with_parent(),
        )  # fmt: skip
    try:
        await _listening(daemon, log)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            daemon.terminate()
        await daemon.wait()
        socket.unlink(missing_ok=True)


async def _listening(daemon: asyncio.subprocess.Process, log: Path) -> None:
    """Return once the daemon has printed its address, which it does when it listens."""
    assert daemon.stdout is not None  # noqa: S101  (we asked for the pipe)
    line = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            line = await daemon.stdout.readline()
    if not line:
        raise TestbedError(f"dbus-daemon did not start: {_words(log)}", "run: testbed doctor")


def _words(log: Path) -> str:
    return log.read_text(errors="replace").strip() or "it said nothing"


def _die_with_parent() -> Callable[[], None] | None:
    """Return what makes a child end when its parent is killed (prctl(2)); only Linux can."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec only this call is made

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return in_child
