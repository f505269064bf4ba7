"""Plays one device's script in real time at the far end of its wire."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from testbed.clock import Clock, Timer
from testbed.links.played import Loss, Script, WaitUntil


class FarEnd(Protocol):
    """The device's end of a wire, to which a controller comes."""

    ahead_ns: int
    """How long before the recorded connection the device must be there again: as long as it takes a
    controller to connect, and no longer than it waits for its first answer."""

    def plug(self) -> None:
        """Make the device reachable; nothing happens when it is."""

    def unplug(self) -> None:
        """Cut the device off; nothing happens when it is."""

    def deliver(self, data: bytes) -> None:
        """Send to the controller what was recorded; into the void when there is none."""


class Player:
    """Hands over what is due, each at its time, and takes the device away when the recording lost it.

    Of a controller's attempts to open only those are seen that reach the wire. So it is the recording
    that decides when the device can be reached: from the last attempt that failed to the next loss.
    """

    def __init__(self, script: Script, clock: Clock) -> None:
        self.fault: Exception | None = None
        """What kept it from playing on: a fault of ours, for which no controller can be blamed."""
        self._end: FarEnd | None = None
        self._script = script
        self._clock = clock
        self._shift_ns = 0
        self._timer: Timer | None = None
        self._playing = False
        self._early: list[bytes] = []

    def join(self, end: FarEnd) -> None:
        """Take the device's end of its wire; call it before `start`, and plug it if the device was there."""
        self._end = end
        first = self._script.next_attempt()
        if first is None or not first.refused:
            end.plug()

    def start(self, recorded_ns: int, at_ns: int) -> None:
        """Begin: what was recorded at `recorded_ns` passes at `at_ns` of the clock."""
        self._shift_ns = recorded_ns - at_ns
        self._playing = True
        if self._script.next_attempt() is None:  # recorded without marks: open all the time
            self._script.open(recorded_ns)
        for data in self._early:
            self._script.sent(self._now(), data)
        self._early.clear()
        self._play()

    def sent(self, data: bytes) -> None:
        """Take what the controller sends; what comes before the start waits for it."""
        if not self._playing:
            self._early.append(data)
            return
        with self._noting():
            self._script.sent(self._now(), data)
        self._play()

    def stop(self) -> None:
        """End: tell what the recording holds until now and the controller did not do."""
        if self._playing:
            self._cancel()
            self._script.finish(self._now())

    @property
    def skipped(self) -> int:
        """How many recorded requests were left out as on a busy machine."""
        return self._script.skipped

    def _now(self) -> int:
        return self._clock.now() + self._shift_ns

    def _play(self) -> None:
        with self._noting():
            self._play_until(self._now())
            self._watch()

    def _play_until(self, now: int) -> None:
        while (attempt := self._script.next_attempt()) is not None and attempt.time_ns <= now:
            self._hand_over(attempt.time_ns)
            self._script.open(attempt.time_ns)
        self._hand_over(now)
        if attempt is not None and not attempt.refused and self._plug_ns(attempt) <= now:
            self._far.plug()  # what failed before has failed, and the next attempt reaches it

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.fault = self.fault or error
            raise

    def _hand_over(self, until_ns: int) -> None:
        for each in self._script.due(until_ns):
            if isinstance(each, Loss):
                self._far.unplug()
            else:
                self._far.deliver(each.data)

    def _watch(self) -> None:
        self._cancel()
        times = []
        if (due_ns := self._script.next_due()) is not None:
            times.append(due_ns)
        if (attempt := self._script.next_attempt()) is not None:
            plug_ns = self._plug_ns(attempt)
            times.append(plug_ns if plug_ns > self._now() else attempt.time_ns)
        if times:
            self._timer = self._clock.at(min(times) - self._shift_ns, self._play)

    def _plug_ns(self, attempt: WaitUntil) -> int:
        return attempt.time_ns - self._far.ahead_ns

    @property
    def _far(self) -> FarEnd:
        assert self._end is not None  # noqa: S101  (joined before the start)
        return self._end

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
