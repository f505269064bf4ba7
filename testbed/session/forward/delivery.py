"""Gets lines to the server: waits out what passes, sets aside what never will be taken."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from testbed.drivers.backoff import Backoff
from testbed.errors import LinkError, UsageError

from .bookmark import Aside
from .outbox import Part
from .server import Denied, Influx, NotNow, Refused, TooLarge

_REQUEST_SIZE = 700_000
"""Characters of one request. Of more than 1 MiB, aiohttp warns that it takes its time with them."""


@dataclass
class Report:
    """What has become of a session so far."""

    points: int = 0
    """Stored at the destination, those of earlier times included."""
    samples: int = 0
    """How many of the session's samples have been dealt with."""
    total: int = 0
    """How many samples the session holds."""
    ended: bool = False
    """Whether all of it, to the verdict, has been sent."""
    asides: dict[tuple[str, str], Aside] = field(default_factory=dict)
    waiting: str = ""
    """Why nothing moves at the moment; empty while all is well."""


class Delivery:
    """Sends parts of one session in their order, and keeps the report of what became of them.

    While `recording()` says so, it waits for a server of which nothing is to be had; after that no
    longer than `patience` seconds.
    """

    def __init__(
        self,
        influx: Influx,
        report: Report,
        name: str,
        patience: float,
        tell: Callable[[str], None],
        progress: Callable[[], None],
    ) -> None:
        """`name` is the session's, for what is told."""
        self.report = report
        self.recording: Callable[[], bool] = lambda: False
        self._influx = influx
        self._name = name
        self._patience = patience
        self._tell = tell
        self._progress = progress
        self._backoff = Backoff(random.Random())

    async def send(self, parts: Sequence[Part]) -> None:
        """Send parts, as many as fit into a request at a time; raises what `Forwarder.run` raises."""
        request: list[Part] = []
        size = 0
        for part in parts:
            for piece in _pieces(part, _REQUEST_SIZE):
                weight = _weight(piece)
                if request and size + weight > _REQUEST_SIZE:
                    await self._deliver(request)
                    request, size = [], 0
                request.append(piece)
                size += weight
        if request:
            await self._deliver(request)

    async def _deliver(self, parts: Sequence[Part]) -> None:
        """Send one request until it is settled: stored, or what the server refuses set aside."""
        count = sum(len(part.lines) for part in parts)
        try:
            await self._insist("\n".join(line for part in parts for line in part.lines).encode())
        except TooLarge as error:
            await self._divide(parts, str(error))
        except Refused as error:
            if len(parts) == 1 and error.partial:
                dropped = count if error.dropped is None else min(error.dropped, count)
                self._set_aside(parts[0], dropped, str(error))
                self._stored(count - dropped)
            else:
                await self._divide(parts, str(error))
        else:
            self._stored(count)

    async def _divide(self, parts: Sequence[Part], reason: str) -> None:
        """Send what was refused in smaller pieces, so that only what is at fault is set aside."""
        if len(parts) > 1:
            for part in parts:
                await self._deliver([part])
            return
        (part,) = parts
        if len(part.lines) == 1:
            self._set_aside(part, 1, reason)
            return
        for half in _cut(part, (len(part.lines) + 1) // 2):
            await self._deliver([half])

    async def _insist(self, body: bytes) -> None:
        """Write, again and again while the server cannot."""
        away = time.monotonic()
        while True:
            try:
                await self._influx.write(body)
            except NotNow as error:
                self._wait_for(error, time.monotonic() - away)
                await asyncio.sleep(max(self._backoff.next(), error.pause))
            else:
                self._reached(time.monotonic() - away)
                return

    def _wait_for(self, error: NotNow, away: float) -> None:
        if not self.recording():
            if isinstance(error, Denied):
                raise UsageError(f"InfluxDB does not let us write: {error}", error.next_step)
            if away >= self._patience:
                raise LinkError(
                    f"InfluxDB could not be written to for {away:.0f} s: {error}",
                    "what was sent is remembered; run the same command again later",
                )
        if not self.report.waiting:
            step = f" ({error.next_step})" if isinstance(error, Denied) else ""
            self._tell(f"{self._name}: InfluxDB takes nothing, nothing is lost: {error}{step}")
        self.report.waiting = str(error)
        self._progress()

    def _reached(self, away: float) -> None:
        self._backoff.reset()
        if self.report.waiting:
            self.report.waiting = ""
            self._tell(f"{self._name}: InfluxDB takes points again, after {away:.0f} s")

    def _stored(self, points: int) -> None:
        self.report.points += points

    def _set_aside(self, part: Part, points: int, reason: str) -> None:
        key = part.what, reason
        known = self.report.asides.get(key)
        if known is None:
            self._tell(f"{self._name}: set aside, of {part.what}: {reason}")
            known = Aside(part.what, reason, 0, part.lines[0])
        self.report.asides[key] = replace(known, points=known.points + points)


def _pieces(part: Part, size: int) -> Iterator[Part]:
    """Yield a part in pieces of at most `size` characters (or of one line)."""
    if _weight(part) <= size:
        yield part
        return
    start = weight = 0
    for at, line in enumerate(part.lines):
        if weight + len(line) + 1 > size and at > start:
            yield Part(part.what, part.lines[start:at])
            start, weight = at, 0
        weight += len(line) + 1
    yield Part(part.what, part.lines[start:])


def _weight(part: Part) -> int:
    return sum(map(len, part.lines)) + len(part.lines)


def _cut(part: Part, count: int) -> list[Part]:
    """Return a part in pieces of at most `count` lines."""
    return [Part(part.what, part.lines[at : at + count]) for at in range(0, len(part.lines), count)]
