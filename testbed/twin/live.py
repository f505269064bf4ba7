"""Lets a model walk beside a device: it tells what it expects of each sensor, and how far off it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from testbed.bench import TwinFilter, TwinModel
from testbed.signals import Command, Event, Level, Quality, Sample

from .estimate import ExtendedKalman, Followed, Happened, Innovation, Tracker, UnscentedKalman
from .models import Model, ModelFailed
from .wiring import Wiring

_FILTERS = {TwinFilter.EKF: ExtendedKalman, TwinFilter.UKF: UnscentedKalman}
_EARLY = 0.99  # of a period: sensors are never quite even


class Learner(Protocol):
    """Who looks at all that a model is given, and at how well it did."""

    def take(self, happened: Happened, innovation: Innovation | None) -> None:
        """Take what happened, with what was not predicted of it (None: of an input)."""


class LiveTwin:
    """The model of one device, in step with it.

    At each good sample of a sensor: bring the model to its time, compare, correct, and publish what was
    expected, how sure that was, and the difference. These are uncertain while an input is unknown.
    """

    def __init__(
        self,
        spec: TwinModel,
        model: Model,
        now: Callable[[int], float],
        publish: Callable[[Sample], None],
        report: Callable[[Event], None],
        biases: Sequence[float] | None = None,
    ) -> None:
        """`now` gives the value of a signal, NaN while it is not good.

        `biases` is by how much each sensor is known to read too high, in the model's units.
        """
        self.spec = spec
        self.wiring = Wiring(spec, model)
        self._now = now
        self._publish = publish
        self._report = report
        self.heard_ns = [0] * len(spec.sensors)
        """When a sample of each sensor was taken last, 0: never."""
        self._moved_ns = [0] * len(model.INPUTS)
        self._shut_out = [False] * len(spec.sensors)
        followed = Followed(model, self.wiring.sensors(biases))
        self.tracker = Tracker(
            followed, self.wiring.inputs_now(now), spec.period_ns // 2, _FILTERS[spec.filter]
        )
        self._told = [wired is None or not math.isnan(now(wired[0].id)) for wired in self.wiring.inputs]
        self.learner: Learner | None = None
        self.lost = ""
        """Why the model follows no more, "" while it does."""
        self._unforetold = False

    # What comes ---------------------------------------------------------------------------------

    def moved(self, sample: Sample) -> None:
        """Take a sample of an input that is measured; anything but a good one leaves it as it was."""
        number = self.wiring.input_of[sample.signal]
        if sample.quality is not Quality.GOOD or self._too_soon(self._moved_ns[number], sample.time_ns):
            return
        self._moved_ns[number] = sample.time_ns
        self._told[number] = True
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
        self._told[number] = True
        value = self.wiring.input_to_model(number, command.value)
        if value != self.tracker.inputs[number]:
            self._take(Happened(command.cause_ns or command.time_ns, False, number, value))

    def observe(self, sample: Sample) -> None:
        """Take a sample of a sensor; anything but a good one is passed over."""
        number = self.wiring.sensor_of[sample.signal]
        if sample.quality is not Quality.GOOD or self._too_soon(self.heard_ns[number], sample.time_ns):
            return
        self.heard_ns[number] = sample.time_ns
        value = self.wiring.scales[number].to_model(sample.value)
        innovation = self._take(Happened(sample.time_ns, True, number, value))
        if innovation is not None:
            self.tell(number, sample.time_ns, innovation)
            self._tell_shut_out(number, sample, innovation)

    def adopt(self, tracker: Tracker) -> None:
        """Follow the device by another version of its model from now on."""
        self.tracker = tracker

    def unknown(self) -> str:
        """Return which inputs are not known now, "" when all are; the model keeps to their last values."""
        return self.lost or self.wiring.unknown(self._now)

    def foretells(self, number: int) -> bool:
        """Return whether the model can be asked about an input: it stands, and has heard of all others."""
        others = (told for each, told in enumerate(self._told) if each != number)
        return self.tracker.begun and not self.lost and all(others)

    def disbelieved(self) -> bool:
        """Return whether a sensor is shut out."""
        return any(map(self.tracker.shut_out, range(len(self.spec.sensors))))

    def _take(self, happened: Happened) -> Innovation | None:
        if self.lost:
            return None
        try:
            innovation = self.tracker.take(happened)
        except ModelFailed as error:
            self.lost = f"the model has failed: {error.args[0]}"
            self._tell_failed(happened.time_ns, Level.ERROR, self.lost)
            return None
        if self.learner is not None:
            self.learner.take(happened, innovation)
        return innovation

    def cannot_foretell(self, time_ns: int, error: ModelFailed) -> None:
        """Report, once, that a forecast has failed; the twin goes on without."""
        if not self._unforetold:
            self._unforetold = True
            self._tell_failed(time_ns, Level.WARNING, f"nothing is foretold: {error.args[0]}")

    def _tell_failed(self, time_ns: int, level: Level, text: str) -> None:
        device = self.spec.sensors[0].prediction.device
        self._report(Event(time_ns, level, device, "model-failed", f"the twin of {device}: {text}"))

    def _too_soon(self, taken_ns: int, time_ns: int) -> bool:
        """Return whether a sample comes less than a period after one that was taken."""
        return taken_ns > 0 and 0 <= time_ns - taken_ns < self.spec.period_ns * _EARLY

    # What is told -------------------------------------------------------------------------------

    def tell(self, number: int, time_ns: int, innovation: Innovation, bridged: str = "") -> None:
        """Publish what was expected of a sensor; `bridged` says why nothing came of it that could differ."""
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
