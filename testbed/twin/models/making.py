"""Makes a model as a bench file declares it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from testbed.bench import ModelPart, TwinModel
from testbed.bench.problems import nearest

from .base import Model, model_class


class WrongSetting(ValueError):
    """A setting that a kind of model does not take, or lacks."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def make_model(spec: TwinModel | ModelPart, parameters: Mapping[str, float] | None = None) -> Model:
    """Return the model of a twin, with its own parameters or others.

    Raises UsageError for a kind that nobody knows and for a file that is missing, DamagedInput for one that
    cannot be read, WrongSetting or another ValueError for settings and parameters that cannot be.
    """
    kind, settings = model_class(spec.kind), dict(spec.settings)
    _check(spec.kind, kind, settings)
    if "parts" in settings:
        settings["parts"] = {name: make_model(part) for name, part in settings["parts"].items()}
    given = spec.parameters if parameters is None else parameters
    try:
        return cast(Model, kind(given, **settings))
    except TypeError as error:
        raise ValueError(f"a setting of the model {spec.kind} is of the wrong type: {error}") from error


def try_out(spec: TwinModel | ModelPart) -> None:
    """Start foreign machine code in a process of its own first; raises FmuFailed when that crashes."""
    for each in (spec, *spec.settings.get("parts", {}).values()):
        _check(each.kind, model_class(each.kind), each.settings)
        file = each.settings.get("file")
        if each.kind == "fmu" and file is not None and file.is_file():
            _try_fmu(file, each.settings.get("kind"), file.stat().st_mtime_ns)


@cache
def _try_fmu(file: Path, kind: str | None, changed_ns: int) -> None:
    from .fmu import try_out

    try_out(file, kind)


def _check(name: str, kind: Any, settings: Iterable[str]) -> None:
    """Raise WrongSetting for a setting that a kind of model does not take, and for one that it needs."""
    _, *taken = inspect.signature(kind).parameters.values()
    known = [each.name for each in taken]
    for given in settings:
        if given not in known:
            hint = nearest(given, known) if known else ""
            raise WrongSetting(f"the model {name} takes no {given}{f': {hint}' if hint else ''}", given)
    for each in taken:
        if each.default is each.empty and each.name not in settings:
            raise WrongSetting(f"the model {name} needs {each.name}:", each.name)
