"""Which tests a changed file has to do with: by what they import, and by what they name."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_SETTINGS = ("pyproject.toml", "pytest.ini", "pytest.toml", "tox.ini", "setup.cfg")
_DATA = (".yaml", ".yml", ".csv")
_APART = ("venv", "node_modules", "build", "dist", "__pycache__")


class Project:
    """The Python and data files under a folder, as they are now."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._texts: dict[Path, str] = {}
        for file in _files(self._root):
            self._texts[file] = file.read_text(encoding="utf-8", errors="replace")
        self._needs = {file: set(self._direct(file)) for file in self._texts}

    def affected(self, tests: Iterable[Path], changed: Iterable[Path]) -> list[Path]:
        """Return those of `tests` that a change of some files may change the outcome of.

        All of them when pytest's settings changed, or data that no file names.
        """
        tests = [test.resolve() for test in tests]
        differing = {file.resolve() for file in changed}
        if any(file.name in _SETTINGS for file in differing):
            return tests
        needed = {test: self._closure(test) for test in tests}
        named = set().union(*needed.values())
        if any(file.suffix in _DATA and file not in named for file in differing):
            return tests
        return [test for test in tests if needed[test] & differing]

    def _closure(self, test: Path) -> set[Path]:
        """Return all files that a test needs, itself first of all."""
        found: set[Path] = set()
        waiting = [test, *self._conftests(test)]
        while waiting:
            file = waiting.pop()
            if file not in found:
                found.add(file)
                waiting += self._needs.get(file, ())
        return found

    def _conftests(self, test: Path) -> Iterator[Path]:
        for folder in test.parents:
            yield folder / "conftest.py"
            if folder == self._root:
                return

    def _direct(self, file: Path) -> Iterator[Path]:
        """Yield the files of the project that a file imports or names."""
        text = self._texts[file]
        for other in self._texts:
            if other.suffix in _DATA and other != file and _names(text, other, file):
                yield other
        if file.suffix == ".py":
            for module, level in _imports(text):
                yield from self._modules(file, module, level)

    def _modules(self, file: Path, module: str, level: int) -> Iterator[Path]:
        """Yield the files that a module stands in, and the packages around it, which are run first."""
        parts = module.split(".") if module else []
        places = [file.parents[level - 1]] if level else [file.parent, *self._roots(file)]
        for place in places:
            for count in range(len(parts) + 1):
                base = place.joinpath(*parts[:count])
                for found in (base.with_suffix(".py") if count else base, base / "__init__.py"):
                    if found in self._texts and found != file:
                        yield found

    def _roots(self, file: Path) -> list[Path]:
        """Return the folders that imports may begin in: those around the file, and src."""
        inside = [folder for folder in file.parents if folder == self._root or self._root in folder.parents]
        return [*inside, self._root / "src"]


def _files(root: Path) -> Iterator[Path]:
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(name for name in inside if name not in _APART and not name.startswith("."))
        for name in sorted(names):
            if name.endswith((".py", *_DATA)) and (file := Path(folder, name)).is_file():
                yield file


def _imports(text: str) -> Iterator[tuple[str, int]]:
    """Yield (module, how many dots stand before it) of everything that a file imports."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # it is being written
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, 0) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module, node.level
            for name in node.names:
                yield f"{module}.{name.name}".lstrip("."), node.level  # it may be a module too


def _names(text: str, other: Path, file: Path) -> bool:
    """Whether a file speaks of another one: by its name, or as a bench does of a profile."""
    if other.name in text:
        return True
    both_yaml = {file.suffix, other.suffix} <= {".yaml", ".yml"}
    return both_yaml and (f"profile: {other.stem}" in text or f"/{other.stem}" in text)
