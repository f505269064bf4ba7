"""Sends a session, batch by batch, and notes in the session file how far it came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from testbed.bench import Influxdb
from testbed.session.file import SessionReader

from .bookmark import Bookmark
from .delivery import Delivery, Report
from .outbox import Batch, Outbox
from .server import Influx

_LOOK = 0.25
"""Seconds between two looks at a session that is being recorded: it is committed as often."""

_KEEP = 1.0
"""Seconds between two savings of the position: what is sent again, harmlessly, after a crash."""

_COUNT = 5.0
"""Seconds between two counts of the samples of a session."""


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
        progress: Callable[[Report], None] | None = None,
    ) -> None:
        """`patience` is how many seconds the server may be away once nothing is being recorded any more."""
        self._tell = tell
        self._progress = progress
        self._name = session.path.name
        self._outbox = Outbox(session)
        self._bookmark = Bookmark(session.path, f"{target.url} {target.org} {target.bucket}")
        self._position, points, asides = self._bookmark.load()
        self._kept = self._counted = time.monotonic()
        self._unkept = self._forgetful = False
        self.report = Report(
            points=points,
            samples=sum(self._position.samples.values()),
            ended=self._position.ended,
            asides={(each.what, each.reason): each for each in asides},
        )
        self._delivery = Delivery(influx, self.report, self._name, patience, tell, self._show)

    async def run(self, recording: Callable[[], bool]) -> Report:
        """Send all there is and, as long as `recording()`, what is still to come.

        Raises LinkError when the server is away for longer than `patience`, UsageError when it denies us;
        while `recording()` it waits for either to be mended. Whatever ends it, it can be run again and
        goes on from there.
        """
        self._delivery.recording = recording
        try:
            while True:
                still = recording()  # asked before reading: what came until then is read below
                batch = self._outbox.read(self._position)
                if not batch.parts:
                    self._position = batch.position  # past what was sent before and stands there anew
                if batch.parts:
                    await self._settle(batch)
                    self._keep(_KEEP)
                    self._show()
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
            await self._delivery.send(batch.parts)
        except BaseException:
            self.report.points, self.report.asides = before
            raise
        self._position = batch.position
        self._unkept = True
        self.report.samples += sum(part.samples for part in batch.parts)
        self.report.ended = batch.position.ended

    def _show(self) -> None:
        """Hand on how far we are; counting what a long session holds takes a while, so it is done seldom."""
        if self._progress is None:
            return
        if not self.report.total or time.monotonic() - self._counted > _COUNT:
            self.report.total = self._outbox.total
            self._counted = time.monotonic()
        self._progress(self.report)

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
