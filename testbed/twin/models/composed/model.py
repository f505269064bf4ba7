"""Several models as one: their states side by side, connected by their inputs and outputs."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..base import Components, Linear, Model, passing, working
from ..differences import difference, linearise, slopes
from .connections import Connections
from .parts import Parts, Values
from .ports import Port

_LONGEST = 0.1  # s


class Composed:
    """Parts by name. What feeds an input stays as it is in the middle of a step, which is at most `step` s.

    That is the midpoint rule between parts (Hairer, Norsett, Wanner, section II.1): halving the step makes
    the error of the connection four times smaller; within itself each part is as right as it is alone.

    Inputs of one name that nothing feeds are one input. `sums` are outputs of its own: the first that each
    lists, and what the others add to it, as residuals do. They come first, then all outputs of the parts. A
    name that several parts have becomes PART_NAME outside.
    """

    def __init__(
        self,
        parameters: Mapping[str, float],
        parts: Mapping[str, Model],
        connect: Mapping[str, str] | None = None,
        sums: Mapping[str, Sequence[str]] | None = None,
        step: float = _LONGEST,
    ) -> None:
        """Connect parts: `connect` gives PART.INPUT: PART.OUTPUT.

        Raises ValueError for names, units and parameters that cannot be, and naming an algebraic loop.
        """
        if not parts:
            raise ValueError("a composed model needs parts:")
        if not (isinstance(step, int | float) and step > 0):
            raise ValueError(f"step is the longest step in s, above 0, not {step!r}")
        self.parts = dict(parts)
        self.DIFFERENCE = max(map(difference, self.parts.values()))
        self._given = (dict(connect or {}), dict(sums or {}), step)
        wired = self._wired = Connections(self.parts, *self._given[:2])
        self._parts = Parts(list(parts.values()), wired)
        self.INPUTS, self.OUTPUTS = tuple(wired.inputs.values()), wired.outputs
        self.STATES = wired.outside("STATES")
        self._carried = [at for at, each in enumerate(self.STATES) if each.carried is not None]
        usual = (value for model in self._parts.models for value in model.parameters)
        self.PARAMETERS = tuple(
            replace(each, nominal=value)
            for each, value in zip(wired.outside("PARAMETERS"), usual, strict=True)
        )
        self.parameters = working(self.PARAMETERS, parameters)

    # The interface ------------------------------------------------------------------------------

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Let each part begin with what is measured of it, then again with what the others make of that.

        Of a sum, its first is what is measured, less the others.
        """
        values: Values = {}
        states: list[Components] = []
        for _ in range(2):
            known = dict.fromkeys(self._wired.order, math.nan)
            for (first, *others), measured in zip(self._wired.sums, outputs, strict=True):
                if not math.isnan(measured):
                    known[first[0]] = measured - sum(
                        values.get(port, 0.0) * factor for port, factor in others
                    )
            states = [
                model.begin(
                    tuple(known[Port(number, at)] for at in range(len(model.OUTPUTS))),
                    self._parts.inputs(number, inputs, values),
                )
                for number, model in enumerate(self._parts.models)
            ]
            values = self._parts.said(states, inputs, self._parts.split(self.parameters, "PARAMETERS"))
        return tuple(component for state in states for component in state)

    def step(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Components:
        """Return the state `seconds` later, under inputs that stay as they are."""
        if seconds <= 0:
            return state
        of_parts = self._parts.split(self.parameters if parameters is None else parameters, "PARAMETERS")
        states, coupled = self._parts.split(state, "STATES"), self._wired.fed
        count = max(1, math.ceil(seconds / self._given[2] - 1e-9)) if coupled else 1
        for _ in range(count):
            values: Values = {}
            if coupled:
                with self.passing():
                    now = self._parts.said(states, inputs, of_parts)
                    middle = self._parts.moved(states, inputs, now, seconds / count / 2, of_parts)
                    values = self._parts.said(middle, inputs, of_parts)
            states = self._parts.moved(states, inputs, values, seconds / count, of_parts)
        return tuple(component for each in states for component in each)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return what would be measured."""
        of_parts = self._parts.split(self.parameters if parameters is None else parameters, "PARAMETERS")
        values = self._parts.said(self._parts.split(state, "STATES"), inputs, of_parts)
        return tuple(sum(values[port] * factor for port, factor in each) for each in self._wired.sums)

    def linearise(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Linear:
        """Return how a step of `seconds`, and the outputs, follow small changes."""
        with self.passing():
            found = linearise(self, state, inputs, seconds, parameters)
        found.b[self._carried] = 0.0
        found.c[:, self._carried] = 0.0
        return found._replace(a=self._carry(found.a))

    def transition(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> NDArray[np.float64]:
        """Return `a` of the linear form alone, (n, n)."""
        if not self._wired.fed:
            return self._side_by_side(state, inputs, seconds, parameters)
        with self.passing():
            slope = slopes(
                lambda x: self.step(x, inputs, seconds, parameters),
                state,
                len(state),
                self._carried,
                self.DIFFERENCE,
            )
        return self._carry(slope)

    def _side_by_side(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None
    ) -> NDArray[np.float64]:
        """Return the transitions of parts that nothing connects."""
        of_parts = self._parts.split(self.parameters if parameters is None else parameters, "PARAMETERS")
        slope = np.zeros((len(state), len(state)))
        for number, (name, own) in enumerate(
            zip(self.parts, self._parts.split(state, "STATES"), strict=True)
        ):
            places, given = self.places(name), self._parts.inputs(number, inputs, {})
            at = slice(places.start, places.stop)
            slope[at, at] = self._parts.models[number].transition(own, given, seconds, of_parts[number])
        return slope

    def _carry(self, slope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a slope in which carried states follow nothing but themselves."""
        for at in self._carried:
            slope[at] = slope[:, at] = 0.0
            slope[at, at] = self.STATES[at].carried
        return slope

    def leap(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> tuple[Components, NDArray[np.float64]]:
        """Return `step` and `transition` at once."""
        slope = self.transition(state, inputs, seconds, parameters)
        return self.step(state, inputs, seconds, parameters), slope

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Tell all parts that no state is needed once the context has ended."""
        with ExitStack() as stack:
            for model in self._parts.models:
                stack.enter_context(passing(model))
            yield

    def save(self, state: Components) -> bytes:
        """Return a state, to be kept."""
        parts = zip(self.parts.items(), self._parts.split(state, "STATES"), strict=True)
        saved = {name: base64.b64encode(model.save(own)).decode() for (name, model), own in parts}
        return json.dumps(saved).encode()

    def restore(self, saved: bytes) -> Components:
        """Return the state that was saved; raises ValueError when it is none of these parts."""
        try:
            told = json.loads(saved)
            if list(told) != list(self.parts):
                raise ValueError
            kept = {name: base64.b64decode(each, validate=True) for name, each in told.items()}
        except (TypeError, ValueError):
            raise ValueError(f"this is no saved state of {', '.join(self.parts)}") from None
        return tuple(
            component for name, model in self.parts.items() for component in model.restore(kept[name])
        )

    # A part is replaced -------------------------------------------------------------------------

    def swap(
        self, part: str, model: Model, state: Components, inputs: Components
    ) -> tuple[Composed, Components]:
        """Return the same with another model as a part, and the state in which it goes on.

        The new part begins with what the old one would have been measured to be; all others stay as they
        are. Raises ValueError for a part that there is not, and for a model that does not fit in its place.
        """
        if part not in self.parts:
            raise ValueError(f"there is no part {part!r}; there are {', '.join(self.parts)}")
        connect, sums, step = self._given
        composed = Composed({}, {**self.parts, part: model}, connect, sums, step)
        for what in ("INPUTS", "OUTPUTS"):
            old, new = ([each.name for each in getattr(each, what)] for each in (self, composed))
            if old != new:
                raise ValueError(
                    f"{part} would change the {what.lower()} from {', '.join(old)} to {', '.join(new)}"
                )
        number, states = list(self.parts).index(part), self._parts.split(state, "STATES")
        told = self._parts.split(self.parameters, "PARAMETERS")
        values = self._parts.said(states, inputs, told)
        measured = {
            each.name: values[Port(number, at)] for at, each in enumerate(self._parts.models[number].OUTPUTS)
        }
        states[number] = model.begin(
            tuple(measured.get(each.name, math.nan) for each in model.OUTPUTS),
            composed._parts.inputs(number, inputs, values),
        )
        told[number] = model.parameters
        composed.parameters = tuple(value for each in told for value in each)
        return composed, tuple(component for each in states for component in each)

    def places(self, part: str) -> range:
        """Return which states are those of a part."""
        at = list(self.parts).index(part)
        begin = sum(len(model.STATES) for model in self._parts.models[:at])
        return range(begin, begin + len(self._parts.models[at].STATES))
