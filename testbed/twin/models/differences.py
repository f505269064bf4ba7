"""How a model follows small changes, and many cases of one that takes one at a time."""

from __future__ import annotations

from collections.abc import Callable, Container

import numpy as np
from numpy.typing import NDArray

from .base import Components, Linear, Model

_DIFFERENCE = 1e-5  # share of a variable's size; a central difference is then right to about 1e-10


def linearise(
    model: Model, state: Components, inputs: Components, seconds: float, parameters: Components | None = None
) -> Linear:
    """Return a model near one point, by central differences of its steps and outputs."""

    def stepped(x: Components, u: Components) -> Components:
        return model.step(x, u, seconds, parameters)

    def measured(x: Components, u: Components) -> Components:
        return model.output(x, u, parameters)

    share, count = difference(model), len(model.OUTPUTS)
    return Linear(
        slopes(lambda x: stepped(x, inputs), state, len(state), share=share),
        slopes(lambda u: stepped(state, u), inputs, len(state), share=share),
        slopes(lambda x: measured(x, inputs), state, count, share=share),
        slopes(lambda u: measured(state, u), inputs, count, share=share),
    )


def difference(model: object) -> float:
    """Return the share of a variable's size by which a model is to be moved to see its slopes."""
    share: float = getattr(model, "DIFFERENCE", _DIFFERENCE)
    return share


def slopes(
    function: Callable[[Components], Components],
    at: Components,
    rows: int,
    still: Container[int] = (),
    share: float = _DIFFERENCE,
) -> NDArray[np.float64]:
    """Return how `rows` results follow each component of what a function is asked at: (rows, columns).

    Components whose places are `still` are not moved; what follows them is left 0. `share` of its size is by
    how much the others are.
    """
    found = np.zeros((rows, len(at)))
    for column, value in enumerate(at):
        if column in still:
            continue
        width = share * max(1.0, abs(value))
        above, below = ((*at[:column], value + way * width, *at[column + 1 :]) for way in (1, -1))
        found[:, column] = np.subtract(function(above), function(below)) / (2 * width)
    return found


def each_case(function: Callable[..., Components], *groups: Components) -> Components:
    """Call `function` with groups of numbers, once for each case where any of them is an array."""
    if not any(isinstance(component, np.ndarray) for group in groups for component in group):
        return function(*groups)
    shape = np.broadcast_shapes(*(np.shape(component) for group in groups for component in group))
    flat = [[np.broadcast_to(component, shape).ravel().tolist() for component in group] for group in groups]
    found = [
        function(*(tuple(component[case] for component in group) for group in flat))
        for case in range(int(np.prod(shape)))
    ]
    return tuple(np.array(column).reshape(shape) for column in zip(*found, strict=True))
