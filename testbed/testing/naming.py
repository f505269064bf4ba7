"""How the session of a test is called, and which of several is the newest."""

from __future__ import annotations

import os
import re
import zlib
from glob import escape
from pathlib import Path

import pytest

from testbed.session.file import SUFFIX

_LONGEST = 120


def node_of(item: pytest.Item) -> str:
    """Return a test's id, with its path from where pytest was called when pytest's root is elsewhere.

    A bench file in another project can move the root there, and then an id lacks the name of its file.
    """
    path, _, rest = item.nodeid.partition("::")
    if path and not path.startswith(".."):
        return item.nodeid
    return f"{Path(os.path.relpath(item.path, item.config.invocation_params.dir)).as_posix()}::{rest}"


def session_name(node: str) -> str:
    """Return the name of a test's sessions: tests/test_a.py::test_b[x] gives tests.test_a.test_b-x."""
    plain = node.replace(".py::", ".").replace("::", ".").replace("/", ".").rstrip("]").replace("[", "-")
    name = re.sub(r"[^\w.=+-]+", "-", plain).lstrip(".")
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 9]}-{zlib.crc32(node.encode()):08x}"


def new_path(folder: Path, node: str) -> Path:
    """Return where to record: NAME, or NAME_2 and so on, for nothing recorded is ever overwritten."""
    number = max((number for number, _ in _numbered(folder, node)), default=0) + 1
    name = session_name(node)
    return folder / (f"{name}{SUFFIX}" if number == 1 else f"{name}_{number}{SUFFIX}")


def recorded(folder: Path, node: str) -> list[Path]:
    """Return the sessions of a test, the newest first."""
    return [path for _, path in sorted(_numbered(folder, node), reverse=True)]


def _numbered(folder: Path, node: str) -> list[tuple[int, Path]]:
    name, found = session_name(node), []
    pattern = re.compile(rf"{re.escape(name)}(?:_(\d+))?{re.escape(SUFFIX)}")
    for path in folder.glob(f"{escape(name)}*{SUFFIX}"):
        if match := pattern.fullmatch(path.name):
            found.append((int(match[1] or 1), path))
    return found
