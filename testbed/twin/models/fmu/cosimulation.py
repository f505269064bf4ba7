"""FMUs that integrate themselves: what they remember is hidden and goes by copies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Components, Linear, Variable
from .archive import Archive
from .failure import FmuFailed
from .memory import Moment
from .model import HIDDEN, FmuModel
from .variables import Element


class CoSimulation(FmuModel):
    """A co-simulation FMU.

    Its state cannot be seen, so none of it can be corrected: each continuous output has an offset as a state
    instead, which an estimator can draw towards what is measured. `memory` stands for all the rest.
    """

    def __init__(
        self, archive: Archive, parameters: Mapping[str, float], noises: Mapping[str, float]
    ) -> None:
        super().__init__(archive, parameters, noises)
        self._offset_of = [at for at, each in enumerate(self.layout.outputs) if not each.discrete]
        offsets = (self.OUTPUTS[at] for at in self._offset_of)
        wander = 0.2  # of a sensor's noise, in a second: as with the states of our own models
        self.STATES = (
            *(
                Variable(f"{each.name}_offset", each.unit, f"of {each.name}", noise=each.noise * wander)
                for each in offsets
            ),
            HIDDEN,
        )
        self.FORKS = "by copies of the FMU" if self._copies else "by doing again all since the beginning"
        described = archive.description
        fixed = archive.can.fixedInternalStepSize or getattr(described.defaultExperiment, "stepSize", None)
        self._fixed = (
            None if archive.can.canHandleVariableCommunicationStepSize or not fixed else float(fixed)
        )

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Begin the FMU with the outputs that it lets one set; what it then says otherwise is an offset."""
        known = [
            (element, value)
            for element, value in zip(self.layout.outputs, outputs, strict=True)
            if element.settable_first and not math.isnan(value)
        ]
        first = Moment(0.0, 0.0, self.parameters, inputs=tuple(map(float, inputs)), first=tuple(known))
        self._start(first)
        said = self.instance.read_outputs()
        offsets = (
            0.0 if math.isnan(outputs[at]) else float(outputs[at]) - said[at] for at in self._offset_of
        )
        return (*offsets, self._keep(first))

    def linearise(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Linear:
        """Raise ValueError: a state that is hidden has no linear form."""
        raise ValueError(
            f"{self.archive.name} is for co-simulation and hides its state, so it has no linear form;"
            " export it for model exchange"
        )

    def transition(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> NDArray[np.float64]:
        """Offsets stay as they are; what is hidden is certain."""
        slope = np.eye(len(self.STATES))
        slope[-1, -1] = 0.0
        return slope

    def _step(
        self, state: Components, inputs: Components, seconds: float, parameters: Components
    ) -> Components:
        before = self.memory.at(state[-1])
        self._go(before)
        later = Moment(
            before.time + seconds, before.reached, tuple(parameters), None if self._copies else before,
            tuple(inputs), seconds,
        )  # fmt: skip
        self._do(before, later)
        return (*state[:-1], self._keep(later))

    def _output(self, state: Components, inputs: Components, parameters: Components) -> Components:
        self._go(self.memory.at(state[-1]))
        self._tune(tuple(parameters))
        self.instance.write_inputs(tuple(inputs))
        told = list(self.instance.read_outputs())
        for offset, at in zip(state, self._offset_of, strict=False):
            told[at] += offset
        return tuple(told)

    # Moments ------------------------------------------------------------------------------------

    def _keep(self, moment: Moment) -> float:
        if self._copies:
            moment.copy = self.instance.copy()
        return self.memory.keep(moment)

    def _start(self, first: Moment) -> None:
        self._now = None
        self.instance.initialise(first.parameters, first.inputs, first.first)
        self._now = first

    def _go(self, moment: Moment) -> None:
        """Bring the FMU to a moment."""
        if moment is self._now:
            return
        if moment.copy is not None:
            self._now = None
            self.instance.go_back(moment.copy, moment.parameters, moment.inputs)
            self._now = moment
            return
        way = [moment]
        while way[-1] is not self._now and way[-1].before is not None:
            way.append(way[-1].before)
        if way[-1] is not self._now:
            self._start(way[-1])
        while len(way) > 1:
            before = way.pop()
            self._do(before, way[-1])

    def _do(self, before: Moment, later: Moment) -> None:
        """Step from a moment, in which the FMU is, to a later one."""
        instance, self._now = self.instance, None
        self._tune(later.parameters)
        instance.write_inputs(later.inputs)
        reached = before.reached
        if self._fixed is None:
            instance.do_step(reached, later.seconds)
            reached = later.time
        else:
            while reached + self._fixed <= later.time + self._fixed * 1e-6:
                instance.do_step(reached, self._fixed)
                reached += self._fixed
        later.reached, self._now = reached, later

    def _tune(self, parameters: Components) -> None:
        if not self.instance.tune(parameters):
            fixed = [
                each.what.name for each in self.layout.parameters if each.variable.variability != "tunable"
            ]
            raise ValueError(f"{self.archive.name} cannot change {', '.join(fixed)} while it runs")

    # Kept for longer ----------------------------------------------------------------------------

    def _saved(self, state: Components) -> dict[str, Any]:
        moment = self.memory.at(state[-1])
        if self._serialises:
            return self._save_moment(moment)
        if self._copies:
            raise FmuFailed(
                f"{self.archive.name} cannot serialise its state", "export it with that capability"
            )
        way: list[Moment] = []
        at: Moment | None = moment
        while at is not None:
            way.append(at)
            at = at.before
        begun = way.pop()
        return {
            "begun": [
                begun.parameters,
                begun.inputs,
                [(each.what.name, value) for each, value in begun.first],
            ],
            "done": [(each.parameters, each.inputs, each.seconds) for each in reversed(way)],
        }

    def _restored(self, state: Components, told: Any) -> Components:
        if self._serialises:
            return (*state[:-1], self._restore_moment(told["moment"]))
        by_name: dict[str, Element] = {each.what.name: each for each in self.layout.outputs}
        parameters, inputs, first = told["begun"]
        moment = Moment(
            0.0, 0.0, tuple(parameters), inputs=tuple(inputs), first=tuple((by_name[n], v) for n, v in first)
        )
        self._start(moment)
        for parameters, inputs, seconds in told["done"]:
            later = Moment(
                moment.time + seconds, 0.0, tuple(parameters), moment, tuple(inputs), float(seconds)
            )
            self._do(moment, later)
            moment = later
        return (*state[:-1], self._keep(moment))
