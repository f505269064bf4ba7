"""What every model is: mathematics over a state; it knows no clock, no signal and no other model.

A state, inputs, outputs and parameters are tuples with one component a variable, in the order in which the
model declares them. A component is a number, or an array of them: then every element is a case of its own,
and a hundred futures are one call.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from testbed.bench.plugins import find_part
from testbed.bench.problems import nearest
from testbed.errors import UsageError

GROUP = "testbed.models"

MODELS = {
    "battery": "testbed.twin.models.battery:Battery",
    "dc-motor": "testbed.twin.models.motor:DcMotor",
    "fan": "testbed.twin.models.fan:Fan",
    "first-order-dead-time": "testbed.twin.models.process:FirstOrderDeadTime",
    "mass-spring-damper": "testbed.twin.models.oscillator:MassSpringDamper",
    "tank": "testbed.twin.models.tank:Tank",
    "thermal": "testbed.twin.models.thermal:ThermalModel",
}
"""Those that are shipped, by name."""

GENERAL = {
    "arx": "testbed.twin.models.learned:Arx",
    "composed": "testbed.twin.models.composed:Composed",
    "fmu": "testbed.twin.models.fmu:fmu_of_bench",
    "gaussian-process": "testbed.twin.models.learned:GaussianProcess",
    "onnx": "testbed.twin.models.learned:Onnx",
}
"""Those that are made of a file or of other models, by name: they take settings beside parameters."""

Components = tuple[Any, ...]
"""One number, or one array of numbers of any shape, a variable."""


class ModelFailed(UsageError):
    """A model cannot go on from a state, under these inputs; the text says why."""


@dataclass(frozen=True)
class Variable:
    """A named quantity of a model.

    `nominal` is a parameter's usual value; `noise` is, of a state, by how much it wanders off what the model
    says (standard deviation, per square root of a second), of an output, that of a usual sensor, and of a
    parameter by how much it may come to differ (0: by 30 % of its value).
    """

    name: str
    unit: str
    what: str = ""
    nominal: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    noise: float = 0.0
    carried: float | None = None
    """Of a state that no filter may move, such as time: its slope over a step, 0 if it has none."""


class Linear(NamedTuple):
    """A model near one point: x' = a x + b u, y = c x + d u, all as differences from that point.

    Shapes: a (n, n), b (n, m), c (k, n), d (k, m) for n states, m inputs and k outputs.
    """

    a: NDArray[np.float64]
    b: NDArray[np.float64]
    c: NDArray[np.float64]
    d: NDArray[np.float64]


class Model(Protocol):
    """A device as mathematics; see the head of this file for shapes, `Variable` for units."""

    @property
    def STATES(self) -> tuple[Variable, ...]:  # noqa: N802
        """What it remembers."""

    @property
    def INPUTS(self) -> tuple[Variable, ...]:  # noqa: N802
        """What acts on it."""

    @property
    def OUTPUTS(self) -> tuple[Variable, ...]:  # noqa: N802
        """What can be measured of it."""

    @property
    def PARAMETERS(self) -> tuple[Variable, ...]:  # noqa: N802
        """What makes it this device and not another of its kind."""

    parameters: tuple[float, ...]
    """The values that it works with where none are given."""

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return a state that fits what is measured first; NaN stands for what is not measured."""

    def step(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Components:
        """Return the state `seconds` later, under inputs that stay as they are."""

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return what would be measured."""

    def linearise(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> Linear:
        """Return how a step of `seconds`, and the outputs, follow small changes; not of arrays."""

    def transition(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> NDArray[np.float64]:
        """Return `a` of the linear form alone, (n, n): a filter asks for it at every sample."""

    def leap(
        self, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
    ) -> tuple[Components, NDArray[np.float64]]:
        """Return `step` and `transition` at once."""

    def save(self, state: Components) -> bytes:
        """Return a state, to be kept."""

    def restore(self, saved: bytes) -> Components:
        """Return the state that was saved; raises ValueError when it is none of this model."""


def model_class(kind: str) -> Any:
    """Return the class of the models called `kind`; raises UsageError naming the nearest one known."""
    return find_part(GROUP, MODELS | GENERAL, kind, "no model is called")


def working(known: tuple[Variable, ...], given: Mapping[str, float]) -> tuple[float, ...]:
    """Return the value of each parameter, nominal where none is given.

    Raises ValueError for a name that is unknown and for a value that is out of bounds.
    """
    names = [variable.name for variable in known]
    for name in given:
        if name not in names:
            raise ValueError(f"there is no parameter {name!r}; {nearest(name, names)}".rstrip("; "))
    values = tuple(float(given.get(variable.name, variable.nominal)) for variable in known)
    for variable, value in zip(known, values, strict=True):
        if not (math.isfinite(value) and variable.low <= value <= variable.high):
            raise ValueError(f"{variable.name} must be {_bounds(variable)}, not {value:g}")
    return values


def passing(model: Model) -> AbstractContextManager[None]:
    """Return a context of which no state is needed once it has ended: what a model keeps of it can go."""
    own: Callable[[], AbstractContextManager[None]] = getattr(model, "passing", nullcontext)
    return own()


def save_numbers(state: Components) -> bytes:
    """Return a state of plain numbers as text that gives back the very same numbers."""
    return json.dumps([float(component) for component in state]).encode()


def restore_numbers(saved: bytes, count: int) -> Components:
    """Return a state of `count` numbers; raises ValueError when `saved` is something else."""
    try:
        numbers = json.loads(saved)
        state = tuple(float(number) for number in cast(Iterable[Any], numbers))
    except (TypeError, ValueError):
        raise ValueError("this is no saved state of a model") from None
    if len(state) != count:
        raise ValueError(f"a saved state has {len(state)} numbers, and the model {count} states")
    return state


def _bounds(variable: Variable) -> str:
    if variable.high == math.inf:
        return f"a number from {variable.low:g}" if math.isfinite(variable.low) else "a number"
    return f"between {variable.low:g} and {variable.high:g}"
