"""Lets a model walk beside a device and tells how far the two have come apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from testbed.bench import TwinModel
from testbed.signals import Quality, Sample

from .models import Model

_LONGEST_GAP = 10.0  # s without a measurement after which the model begins anew
_STATE_NS = 1_000_000_000  # between two records of the model's state

Record = Callable[[int, Mapping[str, float]], None]
"""Called with the time of a sample in ns and the model's state then, name to number."""


def _no_record(time_ns: int, state: Mapping[str, float]) -> None:
    pass


class Predictor:
    """At each good sample of the predicted signal: step the model to its time, compare, correct.

    Publishes two samples: the prediction, and the residual (measured less predicted). Both are
    uncertain while an input is unknown. About once a second the model's state is recorded.
    """

    def __init__(
        self,
        spec: TwinModel,
        build: Callable[[], Model],
        latest: Callable[[int], float],
        publish: Callable[[Sample], None],
        record: Record = _no_record,
    ) -> None:
        self._spec = spec
        self._build = build
        self._model = build()
        self._latest = latest
        self._publish = publish
        self._record = record
        self._last_ns = 0
        self._recorded_ns = 0

    def observe(self, sample: Sample) -> None:
        """Take a sample of the predicted signal; anything but a good one is passed over."""
        if sample.quality is not Quality.GOOD:
            return
        seconds = (sample.time_ns - self._last_ns) / 1e9 if self._last_ns else 0.0
        if seconds > _LONGEST_GAP:
            self._model = self._build()
            seconds = 0.0
        self._last_ns = sample.time_ns
        inputs = {name: self._latest(signal.id) for name, signal in self._spec.inputs.items()}
        unknown = [name for name, value in inputs.items() if math.isnan(value)]
        for name in unknown:
            inputs[name] = 0.0
        predicted = self._model.step(seconds, inputs)
        self._model.correct(sample.value, seconds)
        if sample.time_ns - self._recorded_ns >= _STATE_NS:
            self._recorded_ns = sample.time_ns
            self._record(sample.time_ns, self._model.state())
        if math.isnan(predicted):
            return
        reason = f"unknown input: {', '.join(unknown)}" if unknown else ""
        quality = Quality.UNCERTAIN if unknown else Quality.GOOD
        self._publish(Sample(self._spec.prediction.id, sample.time_ns, predicted, quality, reason))
        residual = sample.value - predicted
        self._publish(Sample(self._spec.residual.id, sample.time_ns, residual, quality, reason))
