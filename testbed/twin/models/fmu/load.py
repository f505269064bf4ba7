"""Makes models of FMUs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .archive import Kind, open_archive
from .cosimulation import CoSimulation
from .exchange import ModelExchange
from .model import FmuModel


def fmu_model(
    path: Path,
    parameters: Mapping[str, float] | None = None,
    *,
    kind: Kind | None = None,
    step: float | None = None,
    noises: Mapping[str, float] | None = None,
) -> FmuModel:
    """Return the model in an FMU, started and at its own first state.

    `kind` None takes model exchange where it is offered, since its states can be seen and corrected. `step`
    in s is the longest that we integrate at once. `noises` are standard deviations by the name of a state,
    an output or a parameter, which FMI does not tell. Raises UsageError for a file that is missing or cannot
    run here, DamagedInput for one that is no FMU, MissingPart without fmpy, FmuFailed when it does not start,
    ValueError for unknown parameters and noises and for values out of bounds.
    """
    archive = open_archive(path, kind)
    given, told = parameters or {}, noises or {}
    if archive.kind is Kind.EXCHANGE:
        return ModelExchange(archive, given, told, step)
    return CoSimulation(archive, given, told)


def fmu_of_bench(
    parameters: Mapping[str, float],
    file: Path,
    kind: str | None = None,
    step: float | None = None,
    noises: Mapping[str, float] | None = None,
) -> FmuModel:
    """Return the model in an FMU as a bench file declares it: `fmu_model` by plain values."""
    kinds = [each.value for each in Kind]
    if kind is not None and kind not in kinds:
        raise ValueError(f"kind is {' or '.join(kinds)}, not {kind!r}")
    if step is not None and not (isinstance(step, int | float) and step > 0):
        raise ValueError(f"step is the longest step in s, above 0, not {step!r}")
    if not all(isinstance(each, int | float) and each > 0 for each in dict(noises or {}).values()):
        raise ValueError(f"noises are numbers above 0 by name, not {noises!r}")
    return fmu_model(file, parameters, kind=None if kind is None else Kind(kind), step=step, noises=noises)
