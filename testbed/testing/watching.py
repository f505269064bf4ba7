"""Hands a check the samples, events and commands of a running bench until it is decided."""

from __future__ import annotations

import asyncio
import math

from testbed.clock import Timer
from testbed.session.checks import Check
from testbed.session.results import Judgement
from testbed.signals import Command, Event, Sample, Stage

from .scene import Scene
from .sketch import Trail


class Watch:
    """One check on a scene, from `begin` until it is decided, cancelled, or the run is over.

    Nothing is polled: samples come from the hub in the turn in which they arrive, and one timer stands for
    the silence that decides.
    """

    def __init__(self, scene: Scene, check: Check) -> None:
        self.check = check
        self.trail = Trail()
        self._scene = scene
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._timer: Timer | None = None
        self._armed_ns: float = math.inf
        self._followed = check.signals[0].id if check.signals else -1

    def begin(self) -> None:
        """Begin to judge now, with the values that hold already."""
        scene, check = self._scene, self.check
        now = scene.clock.now()
        readings = scene.parts.mirror.readings
        newest = {each.id: readings[each.id].last for each in check.signals}
        held = {number: sample for number, sample in newest.items() if sample.time_ns}
        if self._followed in held:
            self.trail.add(_at(held[self._followed], now))
        for each in check.signals:
            scene.parts.hub.subscribe(each.id, Stage.WATCH, self._sample)
        scene.events.append(self._event)
        scene.parts.commander.watchers.append(self._command)
        scene.endings.append(self._end)
        check.begin(now, held)
        if scene.ended:
            self._end()
        self._look()

    async def decided(self) -> Judgement:
        """Wait until it is decided and return what it came to."""
        try:
            await self._done
        finally:
            self.cancel()
        return self.check.judgement(self._scene.clock.now())

    @property
    def open_ended(self) -> bool:
        """Whether only the end of the run, or of a block, decides it."""
        return self.check.verdict is None and math.isinf(self.check.due_ns)

    def finish(self) -> Judgement:
        """Return what it comes to now, as if the run were over."""
        self.cancel()
        return self.check.judgement(self._scene.clock.now())

    def cancel(self) -> None:
        """Follow nothing any more."""
        scene = self._scene
        for each in self.check.signals:
            scene.parts.hub.unsubscribe(each.id, self._sample)
        if self._event in scene.events:
            scene.events.remove(self._event)
            scene.parts.commander.watchers.remove(self._command)
            scene.endings.remove(self._end)
        if self._timer is not None:
            self._timer.cancel()

    def _sample(self, sample: Sample) -> None:
        if sample.signal == self._followed:
            self.trail.add(sample)
        check = self.check
        check.take(sample)
        if check.verdict is not None or check.due_ns < self._armed_ns:
            self._look()

    def _event(self, event: Event) -> None:
        self.check.event(event)
        self._look()

    def _command(self, command: Command) -> None:
        self.check.command(command)
        self._look()

    def _look(self) -> None:
        """Be done if it is decided, else make sure that its silence is noticed."""
        if self.check.verdict is not None:
            self._end()
        elif self.check.due_ns < self._armed_ns:
            self._armed_ns = self.check.due_ns
            if self._timer is not None:
                self._timer.cancel()
            # A sample of that very moment still counts, whichever of the two comes first.
            self._timer = self._scene.clock.at(round(self._armed_ns) + 1, self._alarm)

    def _alarm(self) -> None:
        self._armed_ns = math.inf
        if self.check.verdict is None and self.check.due_ns < self._scene.clock.now():
            self.check.expire()
        self._look()

    def _end(self) -> None:
        if not self._done.done():
            self._done.set_result(None)


def _at(sample: Sample, time_ns: int) -> Sample:
    return Sample(sample.signal, time_ns, sample.value, sample.quality, sample.reason)
