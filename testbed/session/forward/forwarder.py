"""Sends a session, batch by batch: waits out what passes, sets aside what never will be taken."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from testbed.bench import Influxdb
from testbed.drivers.backoff import Backoff
from testbed.errors import LinkError, UsageError
from testbed.session.file import SessionReader

from .bookmark import Aside, Bookmark
from .outbox import Batch, Outbox, Part
from .server import Denied, Influx, NotNow, Refused, TooLarge

_REQUEST_SIZE = 1 << 20
"""Bytes of one request, about; beyond that aiohttp copies long enough to warn about it."""

_LOOK = 0.25
"""Seconds between two looks at a session that is being recorded: it is committed as often."""

_KEEP = 1.0
"""Seconds between two savings of the position: what is sent again, harmlessly, after a crash."""


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


class Forwarder:
    """Forwards one session to one bucket, in the order in which it was recorded.

    `tell` gets a line whenever people should know; `progress` is called after every request.
    """

    def __init__(
        self,
        session: SessionReader,
        influx: Influx,
        target: Influxdb,
        *,
        patience: float,
        tell: Callable[[str], None] = lambda text: None,
        progress: Callable[[Report], None] = lambda report: None,
    ) -> None:
        """`patience` is how many seconds the server may be away once nothing is being recorded any more."""
        self._influx = influx
        self._patience = patience
        self._tell = tell
        self._progress = progress
        self._name = session.path.name
        self._outbox = Outbox(session)
        self._bookmark = Bookmark(session.path, f"{target.url} {target.org} {target.bucket}")
        self._position, points, asides = self._bookmark.load()
        self._kept = time.monotonic()
        self._unkept = self._forgetful = False
        self._backoff = Backoff(random.Random())
        self._recording: Callable[[], bool] = lambda: False
        self.report = Report(
            points=points,
            samples=sum(self._position.samples.values()),
            ended=self._position.ended,
            asides={(each.what, each.reason): each for each in asides},
        )

    async def run(self, recording: Callable[[], bool]) -> Report:
        """Send all there is and, as long as `recording()`, what is still to come.

        Raises LinkError when the server is away for longer than `patience`, UsageError when it denies us;
        while `recording()` it waits for either to be mended. Whatever ends it, it can be run again and
        goes on from there.
        """
        self._recording = recording
        try:
            while True:
                still = recording()  # asked before reading: what came until then is read below
                batch = self._outbox.read(self._position)
                self.report.total = max(self._outbox.total, self.report.samples)
                if batch.parts:
                    await self._settle(batch)
                    self._keep(_KEEP)
                    self._progress(self.report)
                elif still and not self.report.ended:
                    self._keep(_KEEP)
                    # The file is the only thing we share with the recording, and files are looked at.
                    await asyncio.sleep(_LOOK)
                else:
                    return self.report
        finally:
            self._keep(0.0)

    async def _settle(self, batch: Batch) -> None:
        """Send a batch whole; one that is cut short counts for nothing, since it will be sent again."""
        before = self.report.points, dict(self.report.asides)
        try:
            await self._send(batch.parts)
        except BaseException:
            self.report.points, self.report.asides = before
            raise
        self._position = batch.position
        self.report.samples += sum(part.samples for part in batch.parts)
        self.report.ended = batch.position.ended

    # Sending ----------------------------------------------------------------------------------

    async def _send(self, parts: Sequence[Part]) -> None:
        """Send parts, as many as fit into a request at a time."""
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
        if not self._recording():
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
        self._progress(self.report)

    def _reached(self, away: float) -> None:
        self._backoff.reset()
        if self.report.waiting:
            self.report.waiting = ""
            self._tell(f"{self._name}: InfluxDB takes points again, after {away:.0f} s")

    # What became of it ------------------------------------------------------------------------

    def _stored(self, points: int) -> None:
        self.report.points += points
        self._unkept = True

    def _set_aside(self, part: Part, points: int, reason: str) -> None:
        key = part.what, reason
        known = self.report.asides.get(key)
        if known is None:
            self._tell(f"{self._name}: set aside, of {part.what}: {reason}")
            known = Aside(part.what, reason, 0, part.lines[0])
        self.report.asides[key] = replace(known, points=known.points + points)
        self._unkept = True

    def _keep(self, period: float) -> None:
        """Save the position if that was last done `period` seconds ago."""
        if not self._unkept or time.monotonic() - self._kept < period:
            return
        problem = self._bookmark.save(self._position, self.report.points, list(self.report.asides.values()))
        if problem and not self._forgetful:
            self._tell(
                f"{self._name}: cannot note how far it was sent ({problem}): next time it begins again"
            )
        self._forgetful = bool(problem)
        self._kept = time.monotonic()
        self._unkept = False


def _pieces(part: Part, size: int) -> list[Part]:
    """Return a part in pieces of about `size` bytes at most."""
    weight = _weight(part)
    return [part] if weight <= size else _cut(part, max(1, len(part.lines) * size // weight))


def _weight(part: Part) -> int:
    return sum(map(len, part.lines)) + len(part.lines)


def _cut(part: Part, count: int) -> list[Part]:
    """Return a part in pieces of at most `count` lines."""
    return [Part(part.what, part.lines[at : at + count]) for at in range(0, len(part.lines), count)]
