"""Lets a model walk beside a device: it tells what it expects of each sensor, and how far off it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from testbed.bench import TwinModel
from testbed.signals import Command, Event, Level, Quality, Sample

from .estimate import Followed, Happened, Innovation, Tracker
from .models import Model
from .predict import HORIZON, Scores, foretell, reach
from .wiring import Wiring

_STATE_NS = 1_000_000_000  # between two records of the model's state
_SILENT_NS = 1_500_000_000  # of a sensor, after which what it should say is told without it
_HORIZON, _STEPS, _SOON_STEPS = 600.0, 120, 20  # s, of what is foreseen
_EARLY = 0.99  # of a period: sensors are never quite even

Record = Callable[[int, Mapping[str, float]], None]
"""Called with the time of a sample in ns and the model's state then, name to number."""


class Learner(Protocol):
    """Who looks at all that a model is given, and at how well it did."""

    def take(self, happened: Happened, innovation: Innovation | None) -> None:
        """Take what happened, with what was not predicted of it (None: of an input)."""


class LiveTwin:
    """The model of one device, in step with it.

    At each good sample of a sensor: bring the model to its time, compare, correct, and publish what was
    expected, how sure that was, and the difference. These are uncertain while an input is unknown, or while
    the sensor says nothing. About once a second the model's state is recorded, and what nobody measures is
    published.
    """

    def __init__(
        self,
        spec: TwinModel,
        model: Model,
        latest: Callable[[int], float],
        publish: Callable[[Sample], None],
        record: Record,
        report: Callable[[Event], None],
        biases: Sequence[float] | None = None,
    ) -> None:
        """`latest` gives the last good value of a signal, NaN before the first.

        `biases` is by how much each sensor is known to read too high, in the model's units.
        """
        self.spec = spec
        self.wiring = Wiring(spec, model)
        self._latest = latest
        self._publish = publish
        self._record = record
        self._report = report
        self._heard_ns = [0] * len(spec.sensors)
        self._moved_ns = [0] * len(model.INPUTS)
        self._shut_out = [False] * len(spec.sensors)
        self._recorded_ns = self._begun_ns = 0
        followed = Followed(model, self.wiring.sensors(biases))
        self.tracker = Tracker(followed, self.wiring.inputs_now(latest), spec.period_ns // 2)
        self.learner: Learner | None = None
        self.scores = Scores()
        """How good the twin's forecasts were."""
        self._said = [math.nan] * len(spec.sensors)
        self._usual = self.tracker.inputs

    # What comes ---------------------------------------------------------------------------------

    def moved(self, sample: Sample) -> None:
        """Take a sample of an input that is measured; anything but a good one leaves it as it was."""
        number = self.wiring.input_of[sample.signal]
        if sample.quality is not Quality.GOOD or self._too_soon(self._moved_ns[number], sample.time_ns):
            return
        self._moved_ns[number] = sample.time_ns
        value = self.wiring.input_to_model(number, sample.value)
        if value != self.tracker.inputs[number]:
            self._take(Happened(sample.time_ns, False, number, value))

    def commanded(self, command: Command) -> None:
        """Take a command that went out, if it is to an input.

        It counts from the sample that led to it: times of our own turns would be others in a replay.
        """
        number = self.wiring.input_of.get(command.signal)
        if number is None:
            return
        value = self.wiring.input_to_model(number, command.value)
        if value != self.tracker.inputs[number]:
            self._take(Happened(command.cause_ns or command.time_ns, False, number, value))

    def observe(self, sample: Sample) -> None:
        """Take a sample of a sensor; anything but a good one is passed over."""
        number = self.wiring.sensor_of[sample.signal]
        if sample.quality is not Quality.GOOD or self._too_soon(self._heard_ns[number], sample.time_ns):
            return
        self._heard_ns[number] = sample.time_ns
        self._begun_ns = self._begun_ns or sample.time_ns
        value = self.wiring.scales[number].to_model(sample.value)
        innovation = self._take(Happened(sample.time_ns, True, number, value))
        self._said[number] = value
        self.scores.hear(sample.time_ns, number, value)
        if innovation is not None:
            self._tell(number, sample.time_ns, innovation)
            self._tell_shut_out(number, sample, innovation)
        if sample.time_ns - self._recorded_ns >= _STATE_NS and self.tracker.begun:
            self._recorded_ns = sample.time_ns
            self._keep(sample.time_ns)

    def adopt(self, tracker: Tracker) -> None:
        """Follow the device by another version of its model from now on."""
        self.tracker = tracker

    def unknown(self) -> str:
        """Return which inputs are not known, "" when all are."""
        return self.wiring.unknown(self._latest)

    def disbelieved(self) -> bool:
        """Return whether a sensor is shut out."""
        return any(map(self.tracker.shut_out, range(len(self.spec.sensors))))

    def _take(self, happened: Happened) -> Innovation | None:
        innovation = self.tracker.take(happened)
        if self.learner is not None:
            self.learner.take(happened, innovation)
        return innovation

    def _too_soon(self, taken_ns: int, time_ns: int) -> bool:
        """Return whether a sample comes less than a period after one that was taken."""
        return taken_ns > 0 and 0 <= time_ns - taken_ns < self.spec.period_ns * _EARLY

    # What is told -------------------------------------------------------------------------------

    def _tell(self, number: int, time_ns: int, innovation: Innovation, bridged: str = "") -> None:
        sensor, scale = self.spec.sensors[number], self.wiring.scales[number]
        reason = self.unknown() or bridged
        quality = Quality.UNCERTAIN if reason else Quality.GOOD
        predicted, sigma = scale.to_signal(innovation.predicted), abs(scale.difference(innovation.sigma))
        self._publish(Sample(sensor.prediction.id, time_ns, predicted, quality, reason))
        self._publish(Sample(sensor.sigma.id, time_ns, sigma, quality, reason))
        if not bridged:
            residual = scale.difference(innovation.residual)
            self._publish(Sample(sensor.residual.id, time_ns, residual, quality, reason))

    def _tell_shut_out(self, number: int, sample: Sample, innovation: Innovation) -> None:
        """Report when a sensor begins or ends to say what cannot be."""
        out = self.tracker.shut_out(number) and not innovation.taken
        if out == self._shut_out[number]:
            return
        self._shut_out[number] = out
        sensor, scale = self.spec.sensors[number], self.wiring.scales[number]
        path = sensor.signal.path
        if not out:
            self._report(
                Event(sample.time_ns, Level.INFO, path, "agrees", f"{path} agrees with its twin again")
            )
            return
        off, sigmas = abs(scale.difference(innovation.residual)), abs(innovation.residual) / innovation.sigma
        text = (
            f"{path} says {sample.value:.6g} {sensor.signal.unit}, {off:.3g} {sensor.residual.unit} from what"
            f" its twin expects ({sigmas:.0f} sigma): not believed"
        )
        self._report(Event(sample.time_ns, Level.WARNING, path, "disagrees", text))

    def _keep(self, time_ns: int) -> None:
        """Record the state; tell what nobody measures, and of silent sensors what they should say."""
        now, inputs = self.tracker.at(time_ns), self.tracker.inputs
        followed = now.followed
        model, own = followed.model, now.state[: followed.own]
        names = [variable.name for variable in model.STATES] + [each.name for each in followed.free]
        values = (*own, *now.state[followed.count - len(followed.free) :])
        scores = {"forecast_skill": self.scores.skill, "forecast_coverage": self.scores.coverage}
        known = {name: value for name, value in scores.items() if not math.isnan(value)}
        self._record(time_ns, {**dict(zip(names, map(float, values), strict=True)), **known})
        for number, sensor in enumerate(self.spec.sensors):
            heard_ns = self._heard_ns[number] or self._begun_ns
            if time_ns - heard_ns > max(_SILENT_NS, 3 * sensor.signal.period_ns):
                predicted, sigma = now.expect(number, inputs)
                silent = f"{sensor.signal.path} says nothing"
                self._tell(number, time_ns, Innovation(predicted, 0.0, sigma), silent)
        self._usual = tuple((now + then) / 2 for now, then in zip(inputs, self._usual, strict=True))
        self._foresee(time_ns)
        outputs = model.output(own, inputs, followed.parameters(now.state))
        reason = self.unknown()
        quality = Quality.UNCERTAIN if reason else Quality.GOOD
        for signal, value in self.wiring.estimates(outputs):
            self._publish(Sample(signal.id, time_ns, value, quality, reason))

    def _foresee(self, time_ns: int) -> None:
        """Tell in how many s limits will be reached, if the inputs stay what they were of late."""
        if self.scores.due(time_ns) and not self.unknown():
            soon = foretell(self.tracker.filter, [(HORIZON, self._usual)], _SOON_STEPS)
            self.scores.ask(time_ns, soon, self.tracker.followed.noises, self._said)
        if not self.spec.foresees:
            return
        course = foretell(self.tracker.filter, [(_HORIZON, self._usual)], _STEPS)
        for limit in self.spec.foresees:
            scale = self.wiring.scales[limit.sensor]
            values = scale.to_signal(course.values[:, limit.sensor])
            sigmas = abs(scale.difference(course.sigmas[:, limit.sensor]))
            found = reach(course.times, values, sigmas, limit.limit, above=limit.above)
            seconds, sigma = (_HORIZON, 0.0) if found is None else found
            reason = self.unknown()
            quality = Quality.UNCERTAIN if reason else Quality.GOOD
            self._publish(Sample(limit.seconds.id, time_ns, seconds, quality, reason))
            self._publish(Sample(limit.sigma.id, time_ns, sigma, quality, reason))
