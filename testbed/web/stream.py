"""The WebSocket that feeds live curves and values, to pages and to programs alike."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from testbed.errors import TestbedError

from .access import Visitor
from .follow import TooSlow
from .house import House

_GONE = (WebSocketDisconnect, RuntimeError, OSError)
"""What comes of writing to somebody who has left."""

TOO_SLOW, LOGGED_OUT, NO_SESSION, ENDED = 4408, 4401, 4404, 1000
"""Codes with which a socket is closed: come again, log in, not here, the session has ended."""


def stream_routes(house: House) -> APIRouter:
    """Return the route /api/live/{name}."""
    router = APIRouter()

    @router.websocket("/api/live/{name}")
    async def live(socket: WebSocket, name: str) -> None:
        await socket.accept()
        visitor: Visitor = socket.state.visitor
        sending = asyncio.create_task(_send(house, socket, name, visitor))
        listening = asyncio.create_task(_until_gone(socket))
        try:
            await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, listening):
                task.cancel()
            code, _ = await asyncio.gather(sending, listening, return_exceptions=True)
        if isinstance(code, int):
            with contextlib.suppress(*_GONE):
                await socket.close(code)

    return router


async def _send(house: House, socket: WebSocket, name: str, visitor: Visitor) -> int:
    try:
        async with house.follower(name).messages() as messages:
            async for message in messages:
                if not house.doorkeeper.admits(visitor):
                    return LOGGED_OUT
                await socket.send_text(message.decode())
    except TooSlow:
        return TOO_SLOW
    except TestbedError:
        return NO_SESSION
    return ENDED


async def _until_gone(socket: WebSocket) -> None:
    """Read, and so notice at once that the other side has gone; what it says means nothing to us."""
    while True:
        await socket.receive_text()
