"""Turns what a bench file says of a controller that reckons with a twin's model into plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from testbed.signals import Signal

from .control_spec import LqrSpec, MpcSpec
from .controllers import Bound, LqrPlan, ModelAhead, MpcPlan
from .document import Path_
from .lookup import Lookup
from .problems import nearest
from .twins import Twin, TwinModel

_MOST_STEPS = 200


@dataclass(frozen=True)
class Around:
    """What a controller stands between: its loop's signals and period (in s), and the twins of the bench."""

    reads: Signal
    writes: Signal
    period: float
    twins: Mapping[str, Twin]


def resolve_by_model(path: Path_, spec: LqrSpec, around: Around, look: Lookup) -> LqrPlan | None:
    """Return the plan of a controller on a twin's model; None, with problems, if there is none."""
    twin = _twin(path, spec.twin, around, look)
    error = _above_zero((*path, "error"), spec.error, around.reads, look)
    effort = _above_zero((*path, "effort"), spec.effort, around.writes, look)
    integral = look.positive((*path, "integral"), spec.integral, "s")
    if twin is None or error is None or effort is None or integral is None:
        return None
    if not isinstance(spec, MpcSpec):
        return LqrPlan(twin, around.reads, error, effort, integral, around.period)
    steps = _steps((*path, "horizon"), spec, around, look)
    model = around.twins[twin].model
    assert model is not None  # noqa: S101  (only twins with a model are found)
    bounds = [
        _bound((*path, "bounds", name), name, limits, model, look) for name, limits in spec.bounds.items()
    ]
    if steps is None or None in bounds:
        return None
    whole = tuple(bound for bound in bounds if bound is not None)
    return MpcPlan(twin, around.reads, error, effort, integral, around.period, steps, whole)


def resolve_ahead(path: Path_, twin: str, around: Around, look: Lookup) -> ModelAhead | None:
    """Return the feed-forward by the model of a twin."""
    found = _twin(path, twin, around, look)
    return None if found is None else ModelAhead(found, around.reads, around.period)


def _twin(path: Path_, name: str | None, around: Around, look: Lookup) -> str | None:
    """Return the twin whose model has the loop's signals as output and input."""
    if name is None:
        fit = [name for name, twin in around.twins.items() if not _lacks(twin.model, around)]
        if len(fit) == 1:
            return fit[0]
        text = f"no twin measures {around.reads.path} and has {around.writes.path} as an input of its model"
        if fit:
            text = f"several twins have both signals: {', '.join(fit)}"
        look.problem(path, text, "say which: twin: NAME" if fit else "declare one under twins", key=True)
        return None
    if name not in around.twins:
        if name not in look.broken:
            text = f"no twin is called {name!r}"
            look.problem((*path, "twin"), text, nearest(name, around.twins))
        return None
    lacking = _lacks(around.twins[name].model, around)
    if lacking:
        look.problem((*path, "twin"), f"the twin {name} {lacking}")
        return None
    return name


def _lacks(model: TwinModel | None, around: Around) -> str:
    """Return why a controller cannot steer by a model, "" if it can."""
    if model is None:
        return "has no model"
    if around.reads.path not in [sensor.signal.path for sensor in model.sensors]:
        return f"does not measure {around.reads.path}, which the loop reads"
    if around.writes.path not in [signal.path for signal in model.inputs.values()]:
        return f"has no input {around.writes.path}, which the loop writes"
    return ""


def _above_zero(path: Path_, quantity: str | float, signal: Signal, look: Lookup) -> float | None:
    value = look.convert(path, quantity, signal.unit, difference=True)
    if value is not None and not value > 0:
        look.problem(path, f"must be above 0, not {quantity}")
        return None
    return value


def _steps(path: Path_, spec: MpcSpec, around: Around, look: Lookup) -> int | None:
    horizon = look.positive(path, spec.horizon, "s")
    if horizon is None:
        return None
    steps = round(horizon / around.period)
    if not 2 <= steps <= _MOST_STEPS:
        look.problem(
            path, f"{spec.horizon} is {steps} cycles of the loop; 2 to {_MOST_STEPS} can be looked ahead"
        )
        return None
    return steps


def _bound(
    path: Path_, name: str, limits: tuple[str | float, str | float], model: TwinModel, look: Lookup
) -> Bound | None:
    measured = {sensor.signal.path: sensor.signal for sensor in model.sensors}
    if name not in measured:
        look.problem(path, f"{name} measures no output of this model", nearest(name, measured), key=True)
        return None
    low, high = (look.convert((*path, at), each, measured[name].unit) for at, each in enumerate(limits))
    if low is None or high is None:
        return None
    if not low < high:
        look.problem(path, f"the lower limit comes first: {low:g} is not below {high:g}")
        return None
    return Bound(measured[name], low, high)
