"""Networks that other tools have trained, as ONNX: run by onnxruntime, once a period if they remember."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from testbed.bench.problems import nearest
from testbed.errors import DamagedInput, MissingPart, UsageError

from ..base import Components, Variable, working
from ..differences import each_case
from .ticking import AGE, Ticking

_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}
_KEYS = ("unit", "what", "low", "high", "noise")


@dataclass(frozen=True)
class _Tensor:
    """An input or output of a network; a dimension of free size is one case."""

    name: str
    shape: tuple[int, ...]
    type: Any

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def names(self) -> Iterator[str]:
        """Give the names of its numbers: its own, or NAME_1, NAME_2, ..."""
        if self.size == 1:
            yield self.name
        else:
            shape = [size for size in self.shape if size != 1]
            yield from (
                "_".join((self.name, *(str(at + 1) for at in place))) for place in product(*map(range, shape))
            )


class Onnx(Ticking):
    """A network of real numbers. `recurrent` gives the output that each input which remembers becomes.

    Its outputs are what it says to its inputs as they are now; it remembers once a `period` in s.
    `variables` gives unit, what, low, high and noise by name, which ONNX does not tell.
    """

    DIFFERENCE = 1e-3  # share of a number: those of a network have seven digits
    PARAMETERS: tuple[Variable, ...] = ()

    def __init__(
        self, parameters: Mapping[str, float], file: Path, period: float | None = None,
        recurrent: Mapping[str, str] | None = None,
        variables: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        """Read a network.

        Raises UsageError for a missing file, DamagedInput for what is no network of numbers, ValueError for
        names, shapes and periods that cannot be, MissingPart without onnxruntime.
        """
        self.name = file.name
        self.parameters = working((), parameters)
        self._run, inputs, outputs = _open(file)
        given = dict(recurrent or {})
        if given and period is None:
            raise ValueError(f"{file.name} remembers: say its period in s")
        if period is not None and not (isinstance(period, int | float) and period > 0):
            raise ValueError(f"the period of {file.name} is a number of seconds above 0, not {period!r}")
        self.period = math.inf if period is None else float(period)
        self._states = [(_find(inputs, each), _find(outputs, becomes)) for each, becomes in given.items()]
        for before, after in self._states:
            if before.size != after.size:
                raise ValueError(
                    f"{file.name}: {before.name} is {before.shape}, and {after.name}, which it is to become,"
                    f" {after.shape}"
                )
        self._inputs = [each for each in inputs.values() if each.name not in given]
        self._outputs = [each for each in outputs.values() if each.name not in given.values()]
        told = dict(variables or {})
        self.INPUTS = _variables(self._inputs, told, 0.0)
        self.OUTPUTS = _variables(self._outputs, told, 0.05)
        remembered = _variables([before for before, _ in self._states], told, 0.0)
        self.STATES = (*remembered, AGE)
        if not self.OUTPUTS:
            raise ValueError(f"{file.name} says nothing but what it remembers")
        if told:
            known = [each.name for each in (*self.INPUTS, *self.OUTPUTS, *remembered)]
            raise ValueError(f"{file.name} has no {next(iter(told))!r}; {nearest(next(iter(told)), known)}")

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Begin with nothing to remember: zeros."""
        return (0.0,) * len(self.STATES)

    def tick(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return what it remembers a period later."""
        after = [becomes for _, becomes in self._states]
        return each_case(lambda x, u: self._said(x, u, after), state, inputs)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return what it says."""
        return each_case(lambda x, u: self._said(x, u, self._outputs), state[:-1], inputs)

    def _said(self, state: Components, inputs: Components, wanted: Sequence[_Tensor]) -> Components:
        numbers = iter((*state, *inputs))
        fed = {
            each.name: np.array([next(numbers) for _ in range(each.size)], each.type).reshape(each.shape)
            for each in (*(before for before, _ in self._states), *self._inputs)
        }
        found = self._run([each.name for each in wanted], fed)
        told: tuple[float, ...] = ()
        for each, value in zip(wanted, found, strict=True):
            if value.size != each.size:
                raise ValueError(f"{self.name}: {each.name} came as {value.shape}, not {each.shape}")
            told += tuple(value.ravel().tolist())
        return told


def _open(file: Path) -> tuple[Any, dict[str, _Tensor], dict[str, _Tensor]]:
    """Return what runs a network, and its inputs and outputs by name."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPart("a network needs onnxruntime", "pip install 'hil-testbed[learn]'") from error
    if not file.is_file():
        raise UsageError(f"{file}: there is no such network", "check the path; it counts from the bench file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the same sums in the same order
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has some ten kinds of its own, without a base
        told = str(error).splitlines()[0]
        raise DamagedInput(f"{file.name} cannot be read as ONNX: {told}", "export it again") from None
    inputs, outputs = (
        {each.name: _tensor(file, each) for each in told}
        for told in (session.get_inputs(), session.get_outputs())
    )
    return session.run, inputs, outputs


def _tensor(file: Path, told: Any) -> _Tensor:
    if told.type not in _TYPES:
        raise DamagedInput(
            f"{file.name}: {told.name} is a {told.type}, and numbers are float or double", "export it anew"
        )
    shape = tuple(size if isinstance(size, int) and size > 0 else 1 for size in told.shape)
    return _Tensor(told.name, shape, _TYPES[told.type])


def _find(tensors: Mapping[str, _Tensor], name: str) -> _Tensor:
    if name not in tensors:
        raise ValueError(f"the network has no {name!r}; {nearest(name, list(tensors))}".rstrip("; "))
    return tensors[name]


def _variables(tensors: Sequence[_Tensor], told: dict[str, Any], noise: float) -> tuple[Variable, ...]:
    """Return variables; what is told of them is taken out of `told`."""
    found = []
    for name in (name for each in tensors for name in each.names()):
        about = told.pop(name, {})
        if not isinstance(about, Mapping) or set(about) - set(_KEYS):
            raise ValueError(f"of {name} may be told {', '.join(_KEYS)}, not {about!r}")
        found.append(Variable(name, **{"unit": "", "noise": noise, **about}))
    return tuple(found)
