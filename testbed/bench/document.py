"""YAML read with the place of every key and value kept, so that any error can name its line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from .problems import BenchFileError, Problem

Path_ = tuple[str | int, ...]
Place = tuple[int, int]

_SIZE_LIMIT = 1 << 20  # bytes; a bench file of a thousand devices is a tenth of it
_NODE_LIMIT = 100_000  # values, aliases expanded: stops the "billion laughs"
_DEPTH_LIMIT = 50

Construct = Callable[[yaml.Node], Any]


class Document:
    """One YAML file as plain data, with `place(path)` for every key and value in it."""

    def __init__(self, file: str, data: Any, keys: dict[Path_, Place], values: dict[Path_, Place]) -> None:
        self.file = file
        self.data = data
        self._keys = keys
        self._values = values

    def problem(self, path: Path_, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """Return a problem at the value (or the key) of `path`, or at its nearest parent that exists."""
        places = self._keys if key and path in self._keys else self._values
        while path and path not in places:
            path = path[:-1]
        line, column = places.get(path, (1, 1))
        return Problem(self.file, line, column, message, hint)


def read_document(file: Path) -> Document:
    """Read a YAML file; raises BenchFileError for anything that is not one tidy mapping."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(_SIZE_LIMIT + 1)
    except OSError as error:
        raise BenchFileError([Problem(str(file), 1, 1, f"cannot be read: {error.strerror}")]) from None
    if len(raw) > _SIZE_LIMIT:
        raise BenchFileError([Problem(str(file), 1, 1, f"is larger than {_SIZE_LIMIT >> 20} MiB")])
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BenchFileError([Problem(str(file), line, 1, "is not UTF-8 text")]) from None
    return parse_document(str(file), text)


def parse_document(file: str, text: str) -> Document:
    """Parse YAML text; `file` is only the name in messages."""
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            raise BenchFileError([Problem(file, 1, 1, "is empty", "run: testbed new DIR for an example")])
        walker = _Walker(file, partial(loader.construct_object, deep=True))
        data = walker.walk(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BenchFileError([Problem(file, line, column, f"is not YAML: {error.problem}")]) from None
    except yaml.YAMLError as error:
        message = " ".join(str(error).split())
        raise BenchFileError([Problem(file, 1, 1, f"is not YAML: {message}")]) from None
    except RecursionError:
        raise BenchFileError([Problem(file, 1, 1, "is nested too deeply")]) from None
    finally:
        if loader is not None:
            loader.dispose()
    if walker.problems:
        raise BenchFileError(walker.problems)
    if not isinstance(data, dict):
        raise BenchFileError([Problem(file, 1, 1, "must be a mapping of keys to values")])
    return Document(file, data, walker.keys, walker.values)


class _Walker:
    """Turns nodes into data, noting places and refusing duplicate keys."""

    def __init__(self, file: str, construct: Construct) -> None:
        self.file = file
        self.keys: dict[Path_, Place] = {}
        self.values: dict[Path_, Place] = {}
        self.problems: list[Problem] = []
        self._construct = construct
        self._nodes = 0

    def walk(self, node: yaml.Node, path: Path_) -> Any:
        self._nodes += 1
        if self._nodes > _NODE_LIMIT or len(path) > _DEPTH_LIMIT:
            raise BenchFileError([Problem(self.file, *_place(node), "holds far too many values")])
        self.values[path] = _place(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.walk(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key == "<<":
                self.problems.append(Problem(self.file, *_place(key_node), "keys must be plain words"))
                continue
            if key in data:
                line = self.keys[(*path, key)][0]
                message = f"key {key!r} stands twice"
                self.problems.append(
                    Problem(self.file, *_place(key_node), message, f"first in line {line}; remove one")
                )
                continue
            self.keys[(*path, key)] = _place(key_node)
            data[key] = self.walk(value_node, (*path, key))
        return data

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return self._construct(node)
        except (ValueError, yaml.YAMLError) as error:
            self.problems.append(Problem(self.file, *_place(node), f"cannot be read: {error}"))
            return None


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1
