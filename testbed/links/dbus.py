"""Connections to a D-Bus, ended properly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from dbus_fast.aio import MessageBus


async def hang_up(bus: MessageBus) -> None:
    """Close a connection and see it closed, so that no descriptor is left to the garbage collector."""
    bus.disconnect()
    closed: Awaitable[None] = bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    await asyncio.gather(closed, return_exceptions=True)
