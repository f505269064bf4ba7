"""How parts hang together: what feeds each input, what is left for outside, and under what names."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..base import Model, Variable
from .ports import Feed, Port, find, order, scaled


class Connections:
    """The wiring of parts; raises ValueError for names and units that cannot be, and an algebraic loop."""

    def __init__(
        self, parts: Mapping[str, Model], connect: Mapping[str, str], sums: Mapping[str, Sequence[str]]
    ) -> None:
        self._parts = parts
        self._models = list(parts.values())
        self.fed = {find(to, parts, output=False): find(by, parts, output=True) for to, by in connect.items()}
        """The output that feeds an input."""
        self.order = order(parts, self.fed)
        """All outputs, each after those that it follows at once."""
        self.inputs: dict[str, Variable] = {}
        """The inputs that are left for outside; those of one name are one."""
        self.feeds = [self._feeds(number) for number in range(len(parts))]
        """Of each part, what each of its inputs is given."""
        self.sums = [self._sum(name, texts) for name, texts in sums.items()] + [
            [(Port(number, at), 1.0)]
            for number, model in enumerate(self._models)
            for at in range(len(model.OUTPUTS))
        ]
        """Of each output outside, the outputs that add up to it, with their factors."""
        own = (self._variable(name, each) for name, each in zip(sums, self.sums, strict=False))
        self.outputs = (*own, *self.outside("OUTPUTS", sums))

    def outside(self, what: str, taken: Iterable[str] = ()) -> tuple[Variable, ...]:
        """Return variables of all parts: as PART_NAME where a part is not the only one to have a NAME."""
        pairs = [(name, each) for name, model in self._parts.items() for each in getattr(model, what)]
        counts = Counter([*(each.name for _, each in pairs), *taken])
        return tuple(
            each if counts[each.name] == 1 else replace(each, name=f"{part}_{each.name}")
            for part, each in pairs
        )

    def _feeds(self, number: int) -> list[Feed]:
        part = list(self._parts)[number]
        feeds = []
        for at, variable in enumerate(self._models[number].INPUTS):
            what, source = f"{part}.{variable.name}", self.fed.get(Port(number, at))
            if source is None:
                unit = self.inputs.setdefault(variable.name, variable).unit
                place = list(self.inputs).index(variable.name)
                feeds.append(Feed(place, *scaled(unit, variable.unit, what)))
            else:
                feeds.append(Feed(source, *scaled(self._output(source).unit, variable.unit, what)))
        return feeds

    def _sum(self, name: str, texts: Sequence[str]) -> list[tuple[Port, float]]:
        ports = [find(text, self._parts, output=True) for text in texts]
        if not ports:
            raise ValueError(f"the sum {name} lists no output")
        first = self._output(ports[0]).unit
        return [(port, scaled(self._output(port).unit, first, name, difference=True)[0]) for port in ports]

    def _variable(self, name: str, each: Sequence[tuple[Port, float]]) -> Variable:
        noise = math.hypot(*(self._output(port).noise * factor for port, factor in each))
        return replace(self._output(each[0][0]), name=name, noise=noise)

    def _output(self, port: Port) -> Variable:
        return self._models[port.part].OUTPUTS[port.at]
