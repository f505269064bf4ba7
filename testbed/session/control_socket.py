"""Lets other processes of the same user take a run in hand: over a Unix socket that nobody else can open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

from testbed.bench import PlannedFault
from testbed.bench.units import seconds
from testbed.clock import Clock
from testbed.control import LoopRunner, ManualControl, ManualRefused, Supervision
from testbed.errors import UsageError
from testbed.signals import Command
from testbed.twin.guard import Interlocks

from .control_messages import (
    AnyRequest,
    Break,
    Fault,
    Give,
    Held,
    Look,
    Mend,
    Release,
    Renew,
    Reply,
    Reset,
    Standing,
    Stop,
    Take,
)
from .faults import FaultDesk, FaultRefused

_LONGEST_LINE = 16_384
_FULL = 1_000_000  # bytes that somebody who does not read may leave waiting
_NOT_OTHERS = 0o177

_decoder = msgspec.json.Decoder(AnyRequest)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class ControlDesk:
    """What may be asked of a run."""

    manual: ManualControl
    loops: Iterable[LoopRunner]
    clock: Clock
    stop: Callable[[str], None]
    interlocks: Interlocks
    faults: FaultDesk
    supervision: Supervision

    def standing(self) -> Standing:
        """Return who holds what now."""
        now = self.clock.now()
        held = [
            Held(lease.signal.path, lease.who, max(0.0, (lease.until_ns - now) / 1e9))
            for lease in self.manual.leases
        ]
        loops = {loop.spec.name: loop.mode for loop in self.loops}
        faults = [
            Fault(each.device, each.fault, each.who, _left(each.until_ns, now))
            for each in self.faults.running
        ]
        return Standing(os.getpid(), held, loops, self.interlocks.standing, faults, self.supervision.standing)


async def serve_control(path: Path, desk: ControlDesk) -> None:
    """Serve the control socket at `path` until cancelled; raises UsageError when it cannot be made."""
    loop = asyncio.get_running_loop()
    talks: set[_Talk] = set()
    with _bound(path) as listening:
        server = await loop.create_unix_server(lambda: _Talk(desk, talks), sock=listening)
        try:
            await loop.create_future()
        finally:
            server.close()
            for talk in list(talks):
                talk.close()


@contextlib.contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    """Bind a socket that is private from its first moment; its file is gone after the block."""
    with socket.socket(socket.AF_UNIX) as listening:
        before = os.umask(_NOT_OTHERS)
        try:
            listening.bind(str(path))
        except OSError as error:
            raise UsageError(f"cannot listen on {path}: {error.strerror or error}") from error
        finally:
            os.umask(before)
        try:
            yield listening
        finally:
            path.unlink(missing_ok=True)


class _Talk(asyncio.Protocol):
    """One connection; what was taken over it is given back when it is lost."""

    def __init__(self, desk: ControlDesk, talks: set[_Talk]) -> None:
        self._desk = desk
        self._talks = talks
        self._leases: set[str] = set()
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._talks.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._talks.discard(self)
        for lease in self._leases:
            self._desk.manual.release(lease, "is gone")

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            self.close()
        for line in lines:
            self._answer(line)

    def _answer(self, line: bytes) -> None:
        try:
            request = _decoder.decode(line)
        except msgspec.DecodeError as error:
            self._reply(Reply(error=f"not understood: {error}"))
            return
        try:
            self._do(request)
        except (ManualRefused, FaultRefused) as error:
            self._reply(Reply(request.id, error=str(error)))

    def _do(self, request: AnyRequest) -> None:
        manual = self._desk.manual
        match request:
            case Take():
                lease = manual.take(request.signal, request.who, request.seconds)
                self._leases.add(lease.id)
                self._reply(Reply(request.id, lease=lease.id))
            case Renew():
                manual.renew(request.lease)
                self._reply(Reply(request.id))
            case Give():
                manual.give(request.lease, request.value, lambda done: self._done(request.id, done))
            case Release():
                self._leases.discard(request.lease)
                manual.release(request.lease)
                self._reply(Reply(request.id))
            case Stop():
                self._reply(Reply(request.id))
                self._desk.stop(f"{request.who} stops the run: bringing every actuator to its safe value")
            case Look():
                self._reply(Reply(request.id, standing=self._desk.standing()))
            case Break():
                self._desk.faults.arm(_planned(request), request.who)
                self._reply(Reply(request.id))
            case Mend():
                self._desk.faults.mend(request.device, request.fault)
                self._reply(Reply(request.id))
            case Reset():
                error = self._desk.interlocks.reset(request.interlock, request.who)
                self._reply(Reply(request.id, error=error))

    def _done(self, number: int, command: Command) -> None:
        self._reply(Reply(number, outcome=command.outcome.value, reason=command.reason))

    def _reply(self, reply: Reply) -> None:
        if self._transport is None:
            return  # they left before the outcome was known
        self._transport.write(_encode(reply) + b"\n")
        if self._transport.get_write_buffer_size() > _FULL:
            self.close()


def _planned(request: Break) -> PlannedFault:
    try:
        lasts = None if request.lasts is None else seconds(request.lasts)
    except ValueError as error:
        raise FaultRefused(f"{request.fault}: {error}", "write for example 5 s") from None
    return PlannedFault(request.device, request.fault, 0.0, lasts, request.parameters)


def _left(until_ns: int | None, now: int) -> float | None:
    return None if until_ns is None else max(0.0, (until_ns - now) / 1e9)
