"""The other end of a run's control socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from testbed.errors import LinkError, TestbedError, UsageError

from .control_messages import AnyRequest, Reply
from .control_place import control_socket

_PATIENCE_S = 60.0  # a class A LoRaWAN device answers after its next uplink
_LOST = "the run does not answer any more"

_decoder = msgspec.json.Decoder(Reply)
_encode = msgspec.json.Encoder().encode


class RequestRefused(TestbedError):
    """The run said no; the text says why."""

    exit_code = 2


class ControlClient:
    """Asks a run, many requests at a time if need be."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._asked = 0
        self.lost = False
        """Whether the run has gone."""

    async def ask(self, request: AnyRequest) -> Reply:
        """Return the answer; raises RequestRefused for a no, LinkError when the run is gone or silent."""
        if self.lost:
            raise LinkError(_LOST)
        self._asked += 1
        request = msgspec.structs.replace(request, id=self._asked)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = answer
        try:
            async with asyncio.timeout(_PATIENCE_S):
                self._writer.write(_encode(request) + b"\n")
                await self._writer.drain()
                reply = await answer
        except (TimeoutError, OSError):
            raise LinkError(_LOST) from None
        finally:
            del self._waiting[request.id]
        if reply.error:
            raise RequestRefused(reply.error)
        return reply

    def answered(self, reply: Reply) -> None:
        """Hand on an answer that came."""
        waiting = self._waiting.get(reply.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def ended(self) -> None:
        """Tell all who wait that no answer will come."""
        self.lost = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LinkError(_LOST))


@contextlib.asynccontextmanager
async def control_client(path: Path) -> AsyncIterator[ControlClient]:
    """Connect to the control socket at `path` while the block runs; raises LinkError when nobody listens."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path))
    except OSError as error:
        raise LinkError(f"no run listens on {path}: {error.strerror}") from error
    client = ControlClient(writer)
    task = asyncio.create_task(_read(reader, client), name=f"answers of {path}")
    try:
        yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _read(reader: asyncio.StreamReader, client: ControlClient) -> None:
    try:
        while line := await reader.readline():
            client.answered(_decoder.decode(line))
    except OSError:
        pass  # the same as its end
    finally:
        client.ended()


async def ask_run(session: Path, *requests: AnyRequest) -> list[Reply]:
    """Ask the run that records `session`, in turn.

    Raises UsageError when none does, RequestRefused for a no, LinkError when it does not answer.
    """
    socket = control_socket(session)
    if not socket.exists():
        raise UsageError(f"{session} is not being recorded by a run of yours", "list them: testbed sessions")
    async with control_client(socket) as client:
        return [await client.ask(request) for request in requests]
