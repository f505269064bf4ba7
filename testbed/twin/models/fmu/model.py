"""What both kinds of FMU have in common as models."""

from __future__ import annotations

import base64
import json
import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Components, Linear, Variable, working
from ..differences import each_case
from .archive import Archive
from .instance import Instance
from .memory import Memory, Moment, Numbers
from .variables import layout

HIDDEN = Variable("memory", "", "the number of a kept copy of what the FMU does not show", carried=0.0)

_TOLD = ("time", "reached", "next_event", "parameters", "inputs")


class FmuModel(ABC):
    """An FMU as a model. Its calls cannot take arrays, so each case of an array is a call of its own.

    Not for two threads at once: there is one instance, which goes to whatever state it is asked about.
    """

    STATES: tuple[Variable, ...]
    FORKS: str
    """How it goes to a state that it is not in, for people to read."""

    def __init__(
        self, archive: Archive, parameters: Mapping[str, float], noises: Mapping[str, float]
    ) -> None:
        """Start the FMU; raises ValueError for names that it does not know, and values out of bounds."""
        self.archive = archive
        self.layout = layout(archive.description, dict(noises))
        self.INPUTS = tuple(each.what for each in self.layout.inputs)
        self.OUTPUTS = tuple(each.what for each in self.layout.outputs)
        self.PARAMETERS = tuple(each.what for each in self.layout.parameters)
        self.parameters = working(self.PARAMETERS, parameters)
        self.instance = Instance(archive, self.layout)
        weakref.finalize(self, self.instance.close)
        self._now: Moment | None = None
        self.instance.initialise(self.parameters, tuple(each.nominal for each in self.INPUTS))
        self.memory = Memory(self.instance.drop, self._copy_size(), archive.name)
        self._end = weakref.finalize(self, _end, self.memory, self.instance)

    # The interface ------------------------------------------------------------------------------

    @abstractmethod
    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return a state that fits what is measured first; NaN stands for what is not measured."""

    def step(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Components:
        """Return the state `seconds` later, under inputs that stay as they are.

        Raises FmuFailed when the FMU cannot go on, ValueError for parameters that it cannot change.
        """
        if seconds <= 0:
            return state
        values = self.parameters if parameters is None else parameters
        return each_case(lambda x, u, p: self._step(x, u, seconds, p), state, inputs, values)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return what would be measured."""
        return each_case(self._output, state, inputs, self.parameters if parameters is None else parameters)

    @abstractmethod
    def linearise(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Linear:
        """Return how a step of `seconds`, and the outputs, follow small changes."""

    @abstractmethod
    def transition(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> NDArray[np.float64]:
        """Return `a` of the linear form alone, (n, n)."""

    def leap(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> tuple[Components, NDArray[np.float64]]:
        """Return `step` and `transition` at once."""
        slope = self.transition(state, inputs, seconds, parameters)
        return self.step(state, inputs, seconds, parameters), slope

    def feeds_through(self) -> list[set[int]]:
        """Return for each output which inputs it follows at once; all, where the FMU does not tell."""
        told = {each.variable.name: each.dependencies for each in self.archive.description.outputs}
        names = [each.variable.name for each in self.layout.inputs]
        found = []
        for each in self.layout.outputs:
            needs = told.get(each.variable.name)
            known = names if needs is None else {variable.name for variable in needs}
            found.append({at for at, name in enumerate(names) if name in known})
        return found

    def passing(self) -> AbstractContextManager[None]:
        """Return a context of which no state is needed once it has ended."""
        return self.memory.passing()

    def save(self, state: Components) -> bytes:
        """Return a state, to be kept; raises FmuFailed when the FMU cannot tell what it remembers."""
        return json.dumps(
            {"fmu": self._token, "state": list(map(float, state)), **self._saved(state)}
        ).encode()

    def restore(self, saved: bytes) -> Components:
        """Return the state that was saved; raises ValueError when it is none of this FMU."""
        try:
            told = json.loads(saved)
            state = tuple(map(float, told["state"]))
            if told["fmu"] != self._token or len(state) != len(self.STATES):
                raise ValueError
            return self._restored(state, told)
        except (TypeError, ValueError, KeyError):
            raise ValueError(f"this is no saved state of {self.archive.name}") from None

    def close(self) -> None:
        """Let go of the FMU; what is left to itself is let go with the model."""
        self._end()

    # What the kinds do --------------------------------------------------------------------------

    @abstractmethod
    def _step(
        self, state: Components, inputs: Components, seconds: float, parameters: Components
    ) -> Components:
        """Step one case."""

    @abstractmethod
    def _output(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Tell the outputs of one case."""

    @abstractmethod
    def _saved(self, state: Components) -> dict[str, Any]:
        """Return what belongs to a saved state beside its numbers."""

    @abstractmethod
    def _restored(self, state: Components, told: Any) -> Components:
        """Return a state from its numbers and what was saved beside them."""

    @property
    def _token(self) -> str:
        return str(self.archive.description.guid)

    @property
    def _copies(self) -> bool:
        return bool(self.archive.can.canGetAndSetFMUstate)

    @property
    def _serialises(self) -> bool:
        return self._copies and bool(self.archive.can.canSerializeFMUstate)

    def _copy_size(self) -> int:
        if not self._serialises:
            return 0
        copy = self.instance.copy()
        size = len(self.instance.serialise(copy))
        self.instance.drop(copy)
        return size

    def _save_moment(self, moment: Moment) -> dict[str, Any]:
        copied = base64.b64encode(self.instance.serialise(moment.copy)).decode()
        told = {name: getattr(moment, name) for name in _TOLD}
        return {"moment": {**told, "copy": copied}}

    def _restore_moment(self, told: Any) -> float:
        copy = self.instance.deserialise(base64.b64decode(told["copy"], validate=True))
        numbers: dict[str, Numbers] = {
            name: tuple(map(float, told[name])) for name in ("parameters", "inputs")
        }
        times = {name: float(told[name]) for name in ("time", "reached", "next_event")}
        return self.memory.keep(Moment(**times, **numbers, copy=copy))  # type: ignore[arg-type]


def _end(memory: Memory, instance: Instance) -> None:
    memory.clear()
    instance.close()
