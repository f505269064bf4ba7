"""An MQTT broker of our own on the loopback: Mosquitto where it is installed, else amqtt in this process."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import getpass
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from testbed.errors import LinkError, MissingPart

Kind = Literal["mosquitto", "embedded"]

_HOST = "127.0.0.1"
_SBIN = "/usr/sbin:/usr/local/sbin"  # where distributions put it, often not in a user's PATH
_START_TIMEOUT = 5.0  # seconds
_STOP_TIMEOUT = 3.0
_ATTEMPTS = 5  # free ports to try: another program may take one between our look and the broker's
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Broker:
    """A running broker. `pid` is 0 when it runs in this process."""

    host: str
    port: int
    kind: Kind
    pid: int = 0
    ended: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Done, with what it last said, when the broker ended by itself."""


def find_mosquitto() -> str | None:
    """Return the path of the Mosquitto broker."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=_SBIN)


@contextlib.asynccontextmanager
async def open_broker(folder: Path, kind: Kind | None = None, port: int = 0) -> AsyncIterator[Broker]:
    """Run a broker for anybody on this machine, without persistence, while the block runs.

    Its files go to `folder`; `port` 0 means a free one. It is ready when the block begins. Raises
    LinkError with the broker's own words when it does not start, MissingPart when Mosquitto was asked
    for and is not installed.
    """
    if kind is None:
        kind = "mosquitto" if find_mosquitto() else "embedded"
    start = _mosquitto if kind == "mosquitto" else _embedded
    async with contextlib.AsyncExitStack() as stack:
        for attempt in range(_ATTEMPTS):
            try:
                broker = await stack.enter_async_context(start(folder, port or _free_port()))
                break
            except LinkError:
                if port or attempt == _ATTEMPTS - 1:
                    raise
        yield broker


@contextlib.asynccontextmanager
async def _mosquitto(folder: Path, port: int) -> AsyncIterator[Broker]:
    binary = find_mosquitto()
    if binary is None:
        raise MissingPart("the broker mosquitto is not installed", "apt-get install mosquitto")
    # Several brokers may share the folder: each has the files of its port.
    config, log = folder / f"mosquitto-{port}.conf", folder / f"mosquitto-{port}.log"
    # Started by root it would become the user mosquitto, who may not read our folder.
    config.write_text(
        f"listener {port} {_HOST}\nallow_anonymous true\npersistence false\n"
        f"user {getpass.getuser()}\nlog_dest stderr\nlog_type error\nlog_type warning\n"
    )
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            binary, "-c", str(config), stdin=asyncio.subprocess.DEVNULL, stdout=stderr, stderr=stderr,
            preexec_fn=_dies_with_us(),
        )  # fmt: skip
    broker = Broker(_HOST, port, "mosquitto", process.pid)
    watch = asyncio.create_task(_watch(process, broker, log))
    try:
        await _answers(broker)
        yield broker
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await _end(process)


def _dies_with_us() -> Callable[[], None] | None:
    """Return what the child does before it becomes the broker: ask to be killed when we die (prctl(2))."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded here: between fork and exec nothing may be imported or allocated
    parent = os.getpid()

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # we died before the request was made
            os.kill(os.getpid(), signal.SIGKILL)

    return in_child


async def _watch(process: asyncio.subprocess.Process, broker: Broker, log: Path) -> None:
    code = await process.wait()
    said = _last_words(log)
    broker.ended.set_result(f"mosquitto on port {broker.port} ended ({code}): {said or 'no message'}")


def _last_words(log: Path) -> str:
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-5:])


async def _answers(broker: Broker) -> None:
    """Return when the broker's port accepts connections; raises LinkError when it ends or stays silent."""
    try:
        async with asyncio.timeout(_START_TIMEOUT):
            while not broker.ended.done():
                try:
                    _, writer = await asyncio.open_connection(broker.host, broker.port)
                except OSError:
                    await asyncio.wait((broker.ended,), timeout=0.01)
                    continue
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
                return
    except TimeoutError:
        raise LinkError(f"mosquitto did not open port {broker.port} in {_START_TIMEOUT:g} s") from None
    raise LinkError(broker.ended.result())


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def _embedded(_folder: Path, port: int) -> AsyncIterator[Broker]:
    from amqtt.broker import Broker as Embedded
    from amqtt.errors import BrokerError

    logging.getLogger("amqtt").addHandler(logging.NullHandler())  # it talks of every client that it refuses
    embedded = Embedded(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{_HOST}:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
            },
        }
    )
    try:
        await embedded.start()
    except (BrokerError, OSError) as error:
        raise LinkError(f"the embedded broker did not open port {port}: {error}") from error
    try:
        yield Broker(_HOST, port, "embedded")
    finally:
        # Seldom it waits for ever, for a client that left in the middle of its greeting; the loop's end
        # takes with it what is left then.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT):
                await embedded.shutdown()


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port
