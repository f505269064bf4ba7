"""What a twin keeps and foretells about once a second, when the loops have had their turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from testbed.signals import Quality, Sample
from testbed.twin.estimate import ExtendedKalman, Innovation
from testbed.twin.live import LiveTwin
from testbed.twin.models import ModelFailed

from .course import foretell
from .reach import reach
from .scores import HORIZON, Scores

_STATE_NS = 1_000_000_000  # between two records of the model's state
_SILENT_NS = 1_500_000_000  # of a sensor, after which what it should say is told without it
_HORIZON, _STEPS, _SOON_STEPS = 600.0, 120, 20  # s, of what is foreseen

Record = Callable[[int, Mapping[str, float]], None]
"""Called with the time of a sample in ns and the model's state then, name to number."""


class Outlook:
    """Records the state, tells what nobody measures, what silent sensors should say and when limits come.

    None of that is between a sample and its command, so it is done after both.
    """

    def __init__(self, live: LiveTwin, publish: Callable[[Sample], None], record: Record) -> None:
        self._live = live
        self._publish = publish
        self._record = record
        self.scores = Scores()
        """How good the twin's forecasts were."""
        self._said = [math.nan] * len(live.spec.sensors)
        self._usual = live.tracker.inputs
        self._begun_ns = self._recorded_ns = 0

    def keep(self, sample: Sample) -> None:
        """Take a sample of a sensor that the twin has seen; one that it did not take is passed over."""
        live = self._live
        number = live.wiring.sensor_of[sample.signal]
        if live.heard_ns[number] != sample.time_ns or live.lost:
            return
        self._begun_ns = self._begun_ns or sample.time_ns
        self._said[number] = value = live.wiring.scales[number].to_model(sample.value)
        self.scores.hear(sample.time_ns, number, value)
        if sample.time_ns - self._recorded_ns >= _STATE_NS and live.tracker.begun:
            self._recorded_ns = sample.time_ns
            self._each_second(sample.time_ns)

    def _each_second(self, time_ns: int) -> None:
        tracker = self._live.tracker
        now = tracker.at(time_ns)
        self._usual = tuple((new + old) / 2 for new, old in zip(tracker.inputs, self._usual, strict=True))
        self._keep_state(time_ns, now)
        self._bridge(time_ns, now)
        try:
            self._foretell(time_ns)
            self._foresee(time_ns)
        except ModelFailed as error:
            self._live.cannot_foretell(time_ns, error)
        outputs = now.followed.model.output(
            now.state[: now.followed.own], tracker.inputs, now.followed.parameters(now.state)
        )
        for signal, value in self._live.wiring.estimates(outputs):
            self._tell(signal.id, time_ns, value)

    def _keep_state(self, time_ns: int, now: ExtendedKalman) -> None:
        followed = now.followed
        names = [variable.name for variable in followed.model.STATES] + [each.name for each in followed.free]
        values = (*now.state[: followed.own], *now.state[followed.count - len(followed.free) :])
        scores = {"forecast_skill": self.scores.skill, "forecast_coverage": self.scores.coverage}
        known = {name: value for name, value in scores.items() if not math.isnan(value)}
        self._record(time_ns, {**dict(zip(names, map(float, values), strict=True)), **known})

    def _bridge(self, time_ns: int, now: ExtendedKalman) -> None:
        """Tell of silent sensors what they should say."""
        live = self._live
        for number, sensor in enumerate(live.spec.sensors):
            heard_ns = live.heard_ns[number] or self._begun_ns
            if time_ns - heard_ns > max(_SILENT_NS, 3 * sensor.signal.period_ns):
                predicted, sigma = now.expect(number, live.tracker.inputs)
                silent = f"{sensor.signal.path} says nothing"
                live.tell(number, time_ns, Innovation(predicted, 0.0, sigma), silent)

    def _foretell(self, time_ns: int) -> None:
        """Make a forecast that will be scored."""
        tracker = self._live.tracker
        if self.scores.due(time_ns) and not self._live.unknown():
            soon = foretell(tracker.filter, [(HORIZON, self._usual)], _SOON_STEPS)
            self.scores.ask(time_ns, soon, tracker.followed.noises, self._said)

    def _foresee(self, time_ns: int) -> None:
        """Tell in how many s limits will be reached, if the inputs stay what they were of late."""
        live = self._live
        if not live.spec.foresees:
            return
        course = foretell(live.tracker.filter, [(_HORIZON, self._usual)], _STEPS)
        for limit in live.spec.foresees:
            scale = live.wiring.scales[limit.sensor]
            values = scale.to_signal(course.values[:, limit.sensor])
            sigmas = abs(scale.difference(course.sigmas[:, limit.sensor]))
            found = reach(course.times, values, sigmas, limit.limit, above=limit.above)
            seconds, sigma = (_HORIZON, 0.0) if found is None else found
            self._tell(limit.seconds.id, time_ns, seconds)
            self._tell(limit.sigma.id, time_ns, sigma)

    def _tell(self, signal: int, time_ns: int, value: float) -> None:
        reason = self._live.unknown()
        quality = Quality.UNCERTAIN if reason else Quality.GOOD
        self._publish(Sample(signal, time_ns, value, quality, reason))
