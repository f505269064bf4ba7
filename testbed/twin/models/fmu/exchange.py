"""FMUs that tell their rates and leave integrating to us: their states can be seen and corrected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..base import Components, Linear, Model, Variable
from ..differences import linearise, slopes
from .archive import Archive
from .failure import FmuFailed
from .integrate import Integrator
from .memory import Moment
from .model import HIDDEN, FmuModel
from .variables import remembers_more

_USUAL_STEP = 0.01  # s, where the FMU proposes none
_FITS = 4  # rounds in which the first state is fitted to what is measured
_TIME = Variable("time", "s", "since the FMU began", carried=1.0)


class ModelExchange(FmuModel):
    """A model exchange FMU: its continuous states, and after them what else it goes by.

    That is `memory` where it may remember more (something discrete, or events) and can copy itself, else
    `time`. One that remembers more and cannot copy itself is taken back by its continuous states alone.
    """

    def __init__(
        self, archive: Archive, parameters: Mapping[str, float], noises: Mapping[str, float],
        step: float | None = None,
    ) -> None:  # fmt: skip
        """`step` is the longest that is integrated at once, in s; by default what the FMU proposes."""
        super().__init__(archive, parameters, noises)
        proposed = getattr(archive.description.defaultExperiment, "stepSize", None)
        longest = step if step is not None else float(proposed or _USUAL_STEP)
        self._count = self._integrator_states()
        self._integrator = Integrator(self.instance, self._count, longest)
        more = remembers_more(archive.description) or math.isfinite(self.instance.next_event)
        self._remembers = more and self._copies
        named = tuple(each.what for each in self.layout.states)
        shown = (*named, *(Variable(f"state_{at + 1}", "") for at in range(len(named), self._count)))
        self.STATES = (*shown, HIDDEN if self._remembers else _TIME)
        besides = " alone; what else it remembers cannot be copied" if more else ""
        self.FORKS = f"by its continuous states{' and copies' if self._remembers else besides}"
        self._event_inputs = more or any(each.discrete for each in self.layout.inputs)
        self._placed: tuple[float, tuple[float, ...]] | None = None

    def _integrator_states(self) -> int:
        """Return how many continuous states there are: some FMUs have one more than they name."""
        if self.instance.version == 2:
            return max(int(self.archive.description.numberOfContinuousStates), len(self.layout.states))
        return int(self.instance.fmu.getNumberOfContinuousStates())

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Begin the FMU, then move its continuous states by as little as fits what is measured."""
        given = tuple(map(float, inputs))
        self._now = self._placed = None
        self.instance.initialise(self.parameters, given)
        shown = self._integrator.read_states()
        hidden = self._keep(0.0) if self._remembers else 0.0
        measured = [at for at, value in enumerate(outputs) if not math.isnan(value)]
        wanted = np.array([outputs[at] for at in measured], dtype=float)
        for _ in range(_FITS if measured and self._count else 0):

            def said(x: Components) -> Components:
                told = self.output((*x, hidden), given)
                return tuple(told[at] for at in measured)

            at = tuple(shown.tolist())
            off = wanted - said(at)
            if not off.any():
                break
            slope = slopes(said, at, len(measured))
            shown = shown + np.linalg.lstsq(slope, off, rcond=1e-9)[0]
        return (*shown.tolist(), hidden)

    def linearise(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Linear:
        """Return how a step of `seconds`, and the outputs, follow small changes."""
        with self.passing():
            found = linearise(cast(Model, _Shown(self, state[-1])), state[:-1], inputs, seconds, parameters)
        row, column = np.zeros((1, len(inputs))), np.zeros((len(self.OUTPUTS), 1))
        return Linear(
            self._bordered(found.a), np.vstack((found.b, row)), np.hstack((found.c, column)), found.d
        )

    def transition(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> NDArray[np.float64]:
        """Return `a` of the linear form alone."""
        shown = _Shown(self, state[-1])
        with self.passing():
            slope = slopes(lambda x: shown.step(x, inputs, seconds, parameters), state[:-1], self._count)
        return self._bordered(slope)

    def _bordered(self, slope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add the last state, which is carried, to a slope."""
        slope = np.pad(slope, ((0, 1), (0, 1)))
        slope[-1, -1] = self.STATES[-1].carried
        return slope

    def _step(
        self, state: Components, inputs: Components, seconds: float, parameters: Components
    ) -> Components:
        time = self._place(state, inputs, parameters)
        shown = np.array(state[:-1], dtype=float) if self._placed else self._integrator.read_states()
        self._now = self._placed = None
        later = tuple(self._integrator.advance(time, seconds, shown).tolist())
        hidden = self._keep(time + seconds) if self._remembers else time + seconds
        self._placed = (time + seconds, later)
        return (*later, hidden)

    def _output(self, state: Components, inputs: Components, parameters: Components) -> Components:
        self._place(state, inputs, parameters)
        told = self.instance.read_outputs()
        if self._placed is None:  # other inputs were an event: asking is not to leave a trace
            self._now = None
        return told

    def _place(self, state: Components, inputs: Components, parameters: Components) -> float:
        """Bring the FMU to a state, parameters and inputs; return the time of it.

        `_placed` is None afterwards where new inputs were an event, which may have moved the states.
        """
        time = self._go(state[-1])
        if not self.instance.tune(tuple(parameters)):
            self._begin_anew(tuple(parameters), tuple(inputs))
        place = (time, tuple(state[:-1]))
        if self._placed != place:
            self._integrator.set(time, np.array(place[1], dtype=float))
            self._placed = place
        if tuple(inputs) != self.instance.inputs:
            self.instance.write_inputs(tuple(inputs), event=self._event_inputs)
            if self._event_inputs:
                self._placed = None
        return time

    def _go(self, hidden: float) -> float:
        if not self._remembers:
            return float(hidden)
        moment = self.memory.at(hidden)
        if moment is not self._now:
            self._now = self._placed = None
            self.instance.go_back(moment.copy, moment.parameters, moment.inputs, moment.next_event)
            self._now = moment
        return moment.time

    def _begin_anew(self, parameters: tuple[float, ...], inputs: tuple[float, ...]) -> None:
        """Begin the FMU with parameters that may not change while it runs."""
        if self._remembers:
            fixed = [
                each.what.name for each in self.layout.parameters if each.variable.variability != "tunable"
            ]
            raise ValueError(f"{self.archive.name} cannot change {', '.join(fixed)} while it runs")
        self._placed = None
        self.instance.initialise(parameters, inputs)

    def _keep(self, time: float) -> float:
        instance = self.instance
        self._now = Moment(
            time, time, instance.parameters, inputs=instance.inputs, next_event=instance.next_event,
            copy=instance.copy(),
        )  # fmt: skip
        return self.memory.keep(self._now)

    def _saved(self, state: Components) -> dict[str, Any]:
        if not self._remembers:
            return {}
        if not self._serialises:
            raise FmuFailed(
                f"{self.archive.name} cannot serialise its state", "export it with that capability"
            )
        return self._save_moment(self.memory.at(state[-1]))

    def _restored(self, state: Components, told: Any) -> Components:
        return (*state[:-1], self._restore_moment(told["moment"])) if self._remembers else state


class _Shown:
    """The continuous states of a model alone; the rest stays what it is."""

    def __init__(self, model: ModelExchange, hidden: float) -> None:
        self.OUTPUTS = model.OUTPUTS
        self._model = model
        self._hidden = hidden

    def step(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Components:
        return self._model.step((*state, self._hidden), inputs, seconds, parameters)[:-1]

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        return self._model.output((*state, self._hidden), inputs, parameters)
