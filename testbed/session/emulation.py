"""Emulated devices in a process of their own, so that the controller meets them as it meets real ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec

from testbed.bench import Bench, Wire, parse_wire
from testbed.bench.device import Device
from testbed.emulators.breaking import Order
from testbed.errors import TestbedError, UsageError
from testbed.signals import Event

_READY_TIMEOUT = 30.0  # s
_STOP_TIMEOUT = 5.0
_LAST_WORDS = 1.0


class News:
    """What emulated devices tell of themselves; kept until somebody listens."""

    def __init__(self) -> None:
        self._kept: list[Event] = []
        self._listener: Callable[[Event], None] | None = None

    def tell(self, event: Event) -> None:
        """Hand an event on."""
        if self._listener is None:
            self._kept.append(event)
        else:
            self._listener(event)

    @contextlib.contextmanager
    def heard_by(self, listener: Callable[[Event], None]) -> Iterator[None]:
        """Give `listener` everything that was kept, and all that comes while the block runs."""
        self._listener = listener
        kept, self._kept = self._kept, []
        for event in kept:
            listener(event)
        try:
            yield
        finally:
            self._listener = lambda event: None


Do = Callable[[Order], None]


@dataclass(frozen=True)
class Emulation:
    """Where the emulated devices answer, why some could not be emulated, and what they tell meanwhile."""

    wires: dict[str, str]
    failed: dict[str, str]
    news: News = field(default_factory=News, compare=False)
    order: Do = field(default=lambda order: None, compare=False)
    """Has them broken and mended (see emulators/breaking.py)."""

    def rewire(self, bench: Bench) -> Bench:
        """Return the bench with the far ends of those wires replaced; nothing else changes."""
        devices = {
            name: replace(device, wire=_reached(device, self.wires[name])) if name in self.wires else device
            for name, device in bench.devices.items()
        }
        return replace(bench, devices=devices)


def _reached(device: Device, text: str) -> Wire:
    """Return the wire at which an emulated device answers, with its own secrets as hidden as they were."""
    wire = parse_wire(text)
    return replace(wire, text=device.wire.redacted(wire.text), hidden=device.wire.hidden)


def parse_names(text: str, bench: Bench) -> list[str]:
    """Return the devices that `all` or `NAME,NAME` names, each once.

    Raises UsageError for one that is not there, and when none is named: an empty variable in a script
    must not send a run to the real devices.
    """
    if text == "all":
        return list(bench.devices)
    known = f"choose from all, {', '.join(bench.devices)}"
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError(f"{text!r} names no device to emulate", known)
    for name in names:
        if name not in bench.devices:
            raise UsageError(f"cannot emulate {name!r}: the bench has no such device", known)
    return names


@contextlib.asynccontextmanager
async def emulation(file: Path, names: Iterable[str], seed: int) -> AsyncIterator[Emulation]:
    """Run `testbed emulate` beside us while the block runs.

    It gets a session of its own: Ctrl-C must reach only the controller, which still has to bring the
    actuators to safety through these wires. It ends with us, even if we are killed (--leash).
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "testbed", "emulate", str(file), "--only", ",".join(names),
        "--seed", str(seed), "--json", "--leash",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    reader: asyncio.Task[None] | None = None
    try:
        emulated = replace(await ready_line(process), order=partial(_order, process))
        reader = asyncio.create_task(_read(process, emulated.news), name="news of emulated devices")
        yield emulated
    finally:
        await stop_process(process)
        if reader is not None:
            await _last_words(reader)


def _order(process: asyncio.subprocess.Process, order: Order) -> None:
    assert process.stdin is not None  # noqa: S101  (asked for as a pipe)
    process.stdin.write(msgspec.json.encode(order) + b"\n")


async def ready_line(process: asyncio.subprocess.Process) -> Emulation:
    """Return what the process prints first, once its devices answer; raises TestbedError when it cannot."""
    assert process.stdout is not None  # noqa: S101  (asked for as a pipe)
    try:
        async with asyncio.timeout(_READY_TIMEOUT):
            line = await process.stdout.readline()
    except TimeoutError:
        raise TestbedError(
            f"the emulated devices were not ready within {_READY_TIMEOUT:g} s", "run: testbed doctor"
        ) from None
    if not line:
        code = await process.wait()
        raise TestbedError(f"the emulated devices ended at once (exit {code}); see the lines above")
    told = json.loads(line)
    wires = {name: device["wire"] for name, device in told["devices"].items()}
    return Emulation(wires, told.get("failed", {}))


async def _read(process: asyncio.subprocess.Process, news: News) -> None:
    """Hand on the events that come as JSON lines behind the first, to the end of the process."""
    assert process.stdout is not None  # noqa: S101  (asked for as a pipe)
    while line := await process.stdout.readline():
        with contextlib.suppress(msgspec.DecodeError):  # the last line of a process that was killed
            news.tell(msgspec.json.decode(line, type=Event))


async def _last_words(reader: asyncio.Task[None]) -> None:
    """Let the reader come to the end, which a child that outlives the process would keep from it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORDS):
            await reader


async def stop_process(process: asyncio.subprocess.Process) -> None:
    """End the process, if need be by force."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
