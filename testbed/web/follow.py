"""Hands what is new in a session to all who look on, several times a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from testbed.errors import TestbedError
from testbed.session.file import UNFINISHED

from .followed import Followed, Message

PERIOD_S = 0.2
"""As often as a session is committed."""

_IDLE_S = 10.0
"""A session that nobody has asked for this long is not read until somebody does."""

_WAITING = 50  # messages for somebody who reads slowly, before they are let go to come again

_encode = msgspec.json.Encoder().encode
_Numbered = tuple[int, bytes]
T = TypeVar("T")


class TooSlow(Exception):
    """Somebody did not read what was sent; coming again gives them all that is new."""


class Follower:
    """One session and all who look on at it; reads in a thread of its own, one message for all."""

    def __init__(self, path: Path, extra: Callable[[], Message] = dict) -> None:
        """`extra` gives what each message holds beside what the file says."""
        self._path = path
        self._extra = extra
        self._queues: set[asyncio.Queue[_Numbered | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="follow")
        self._session: Followed | None = None
        self._ready = asyncio.Event()
        self._failure: TestbedError | None = None
        self._asked = 0.0

    async def known(self) -> Followed:
        """Begin to read if need be, and return what is known; raises DamagedInput."""
        idle = self._idle
        self._asked = asyncio.get_running_loop().time()
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name=f"follow {self._path.name}")
        elif idle and self._running and self._session is not None:
            await self._read(self._session.update)
        await self._ready.wait()
        if self._failure is not None:
            raise self._failure
        assert self._session is not None  # noqa: S101  (set before it is ready)
        return self._session

    @contextlib.asynccontextmanager
    async def messages(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield JSON messages, hello first, until the session ends; raises TooSlow when they are not read."""
        session = await self.known()
        queue: asyncio.Queue[_Numbered | None] = asyncio.Queue(_WAITING)
        self._queues.add(queue)
        try:
            yield self._take(queue, *await self._hello(session))
        finally:
            self._queues.discard(queue)

    async def _take(
        self, queue: asyncio.Queue[_Numbered | None], known: int, hello: bytes
    ) -> AsyncIterator[bytes]:
        yield hello
        while self._running or not queue.empty():
            message = await queue.get()
            if message is None:
                return
            if message[0] > known:
                yield message[1]
            if queue not in self._queues:
                raise TooSlow

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def _running(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def _idle(self) -> bool:
        return not self._queues and asyncio.get_running_loop().time() - self._asked > _IDLE_S

    async def _hello(self, session: Followed) -> _Numbered:
        def make() -> _Numbered:
            return session.updates, _encode(session.hello() | self._extra())

        return await self._read(make) if self._running else make()  # at last nothing changes any more

    async def _read(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)

    async def _follow(self) -> None:
        try:
            session = self._session = await self._read(lambda: Followed(self._path))
            await self._read(session.update)
            self._ready.set()
            while session.ended_as == UNFINISHED:
                await asyncio.sleep(PERIOD_S)
                if not self._idle:
                    message = await self._read(session.update)
                    self._send((session.updates, _encode(message | self._extra())))
        except TestbedError as error:
            self._failure = error
        finally:
            self._ready.set()
            for queue in list(self._queues):
                _put(queue, None)
            if self._session is not None:
                self._thread.submit(self._session.close)
            self._thread.shutdown(wait=False)

    def _send(self, message: _Numbered) -> None:
        for queue in list(self._queues):
            if not _put(queue, message):
                self._queues.discard(queue)


def _put(queue: asyncio.Queue[_Numbered | None], message: _Numbered | None) -> bool:
    try:
        queue.put_nowait(message)
    except asyncio.QueueFull:
        return False
    return True
