"""Waiting for a device behind a broker to say that it is there, while the link is up."""

from __future__ import annotations

import asyncio

from testbed.links import LinkLost, MessageLink


async def heard_from(device: str, link: MessageLink, word: asyncio.Future[None], within_s: float) -> bool:
    """Run `link` until `word` is done; returns False when that takes longer than `within_s`.

    Raises LinkLost when the link ends before. The link is not run any more afterwards, and goes on to hear.
    """
    running = asyncio.create_task(link.run(), name=f"greeting of {device}")
    try:
        async with asyncio.timeout(within_s):
            await asyncio.wait((word, running), return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        return False
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    if not word.done():
        raise LinkLost(f"{device}: the broker was lost again at once")
    return True
