"""Turns what pydantic found into problems with a place and the nearest right name."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from .document import Document, Path_
from .problems import Problem, nearest


def problems_of(
    error: ValidationError, document: Document, base: Path_, model: type[BaseModel]
) -> list[Problem]:
    """Return one problem for each thing that pydantic refused; `base` is where the model stands."""
    problems: dict[tuple[Path_, str], Problem] = {}
    for detail in error.errors(include_url=False):
        location = tuple(part for part in detail["loc"])
        path = _existing(document, (*base, *location))
        kind = detail["type"]
        if kind == "extra_forbidden":
            word = str(location[-1])
            hint = nearest(word, _keys_at(model, location[:-1]))
            problem = document.problem(path, f"unknown key {word!r}", hint, key=True)
        elif kind == "missing":
            where = ".".join(str(part) for part in (*base, *location)[:-1]) or "the file"
            problem = document.problem(path, f"{where} lacks the key {location[-1]!r}", key=True)
        else:
            name = ".".join(str(part) for part in path) or "the file"
            problem = document.problem(path, f"{name}: {_plain(detail)}")
        problems.setdefault((path, problem.message), problem)
    return list(problems.values())


def _existing(document: Document, path: Path_) -> Path_:
    """Drop the parts that pydantic adds for unions and validators and that no file holds."""
    found: list[str | int] = []
    data: Any = document.data
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            continue
        found.append(part)
    return tuple(found)


def _plain(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    got = detail.get("input")
    if detail["type"] == "token":
        return message  # a token that was written into the file must not be shown on top of that
    if detail["type"] == "value_error" and isinstance(got, str):
        return f"{got!r} {message}"
    if isinstance(got, (str, int, float, bool)) and repr(got) not in message and str(got) not in message:
        return f"{message}, not {got!r}"
    return message


def _keys_at(model: Any, path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that a model knows at `path`, looking through dicts, lists and unions."""
    models = _models(model)
    for part in path:
        fields = [
            field.annotation
            for each in models
            for name, field in each.model_fields.items()
            if part in (name, field.alias)
        ]
        models = [found for annotation in fields for found in _models(annotation)] or models
    return [field.alias or name for each in models for name, field in each.model_fields.items()]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models(part)]
