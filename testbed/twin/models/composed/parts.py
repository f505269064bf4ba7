"""Parts at work: each is given what feeds it, and asked after what it follows at once."""

from __future__ import annotations

from collections.abc import Sequence

from ..base import Components, Model
from .connections import Connections
from .ports import Port

Values = dict[Port, float]
"""What outputs say; arrays where there are many cases."""


class Parts:
    """Some models and how they hang together; states, values and parameters come and go."""

    def __init__(self, models: Sequence[Model], wired: Connections) -> None:
        self.models = list(models)
        self._wired = wired
        self._sources = [
            [feed.source for feed in feeds if isinstance(feed.source, Port)] for feeds in wired.feeds
        ]

    def split(self, components: Components, what: str) -> list[Components]:
        """Return the components of each part: of its STATES or PARAMETERS."""
        found, at = [], 0
        for model in self.models:
            count = len(getattr(model, what))
            found.append(components[at : at + count])
            at += count
        return found

    def inputs(self, number: int, inputs: Components, values: Values) -> Components:
        """Return what a part is given; what feeds it and is not known yet is taken as 0."""
        return tuple(
            (values.get(source, 0.0) if isinstance(source, Port) else inputs[source]) * factor + offset
            for source, factor, offset in self._wired.feeds[number]
        )

    def said(
        self, states: Sequence[Components], inputs: Components, parameters: Sequence[Components]
    ) -> Values:
        """Return what all parts say: each output after those that it follows at once."""
        values: Values = {}
        told: dict[int, tuple[int, Components]] = {}
        for port in self._wired.order:
            number = port.part
            known = sum(source in values for source in self._sources[number])
            before = told.get(number)
            if before is None or before[0] != known:  # more of what feeds it is known by now
                given = self.inputs(number, inputs, values)
                said = self.models[number].output(states[number], given, parameters[number])
                told[number] = before = (known, said)
            values[port] = before[1][port.at]
        return values

    def moved(
        self, states: Sequence[Components], inputs: Components, values: Values, seconds: float,
        parameters: Sequence[Components],
    ) -> list[Components]:  # fmt: skip
        """Return the states `seconds` later, with what feeds the parts staying as it is."""
        return [
            model.step(states[number], self.inputs(number, inputs, values), seconds, parameters[number])
            for number, model in enumerate(self.models)
        ]
