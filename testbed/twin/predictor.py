"""Lets a model walk beside a device and tells how far the two have come apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from testbed.bench import TwinModel
from testbed.signals import Quality, Sample

from .estimate import ExtendedKalman, Innovation
from .models import Model

_LONGEST_GAP = 10.0  # s without a measurement after which the model begins anew
_PREDICTED = 0  # a model's first output is the one that is predicted
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
        self._filter = ExtendedKalman(build())
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
            self._filter = ExtendedKalman(self._build())
        self._last_ns = sample.time_ns
        inputs, unknown = self._inputs()
        if not self._filter.begun:
            self._begin(sample, inputs)
            return
        self._filter.predict(seconds, inputs)
        innovation = self._filter.correct(_PREDICTED, sample.value, inputs)
        self._keep(sample.time_ns)
        self._tell(sample.time_ns, innovation, unknown)

    def _inputs(self) -> tuple[tuple[float, ...], str]:
        """Return the model's inputs, 0 where one is not known, and the reason why one is not."""
        given = {name: self._latest(signal.id) for name, signal in self._spec.inputs.items()}
        unknown = [name for name, value in given.items() if math.isnan(value)]
        values = (given.get(variable.name, 0.0) for variable in self._filter.model.INPUTS)
        reason = f"unknown input: {', '.join(unknown)}" if unknown else ""
        return tuple(0.0 if math.isnan(value) else value for value in values), reason

    def _begin(self, sample: Sample, inputs: tuple[float, ...]) -> None:
        outputs = [math.nan] * len(self._filter.model.OUTPUTS)
        outputs[_PREDICTED] = sample.value
        self._filter.begin(tuple(outputs), inputs)
        self._keep(sample.time_ns)

    def _keep(self, time_ns: int) -> None:
        if time_ns - self._recorded_ns >= _STATE_NS:
            self._recorded_ns = time_ns
            names = (variable.name for variable in self._filter.model.STATES)
            self._record(time_ns, dict(zip(names, map(float, self._filter.state), strict=True)))

    def _tell(self, time_ns: int, innovation: Innovation, reason: str) -> None:
        quality = Quality.UNCERTAIN if reason else Quality.GOOD
        predicted, residual = self._spec.prediction.id, self._spec.residual.id
        self._publish(Sample(predicted, time_ns, innovation.predicted, quality, reason))
        self._publish(Sample(residual, time_ns, innovation.residual, quality, reason))
