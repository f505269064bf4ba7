"""A broker for the devices of one protocol, with a plug that cuts all of them off at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from testbed.errors import LinkError

from .base import EmulatorContext
from .broker import Broker


@dataclass
class BrokerPlug:
    """Tells `at_own_broker` whether the broker is wanted."""

    pulled: asyncio.Event = field(default_factory=asyncio.Event)
    inserted: asyncio.Event = field(default_factory=asyncio.Event)

    def plug(self) -> None:
        """Start the broker again, at the same port."""
        self.pulled.clear()
        self.inserted.set()

    def unplug(self) -> None:
        """Stop the broker."""
        self.inserted.clear()
        self.pulled.set()


async def at_own_broker(
    context: EmulatorContext, plug_name: str, serve: Callable[[Broker], Awaitable[None]]
) -> None:
    """Call `serve` with a broker, again whenever its plug was pulled and is back, until cancelled.

    Raises LinkError with the broker's own words when it does not start or ends by itself.
    """
    plug = context.plugs[plug_name] = BrokerPlug()
    port = 0
    while True:
        async with context.places.broker(port) as broker:
            port = broker.port
            await _until_pulled(broker, plug, serve)
        await plug.inserted.wait()


async def _until_pulled(broker: Broker, plug: BrokerPlug, serve: Callable[[Broker], Awaitable[None]]) -> None:
    serving = asyncio.ensure_future(serve(broker))
    pulled = asyncio.ensure_future(plug.pulled.wait())
    try:
        await asyncio.wait((serving, pulled, broker.ended), return_when=asyncio.FIRST_COMPLETED)
        if broker.ended.done():
            raise LinkError(broker.ended.result())
        if serving.done():
            serving.result()
    finally:
        for task in (serving, pulled):
            task.cancel()
        await asyncio.gather(serving, pulled, return_exceptions=True)
