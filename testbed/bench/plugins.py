"""Finds a part by name: ours in a table, others that installed packages bring through an entry point."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from testbed.errors import UsageError

from .problems import nearest


def find_part(group: str, ours: Mapping[str, str], name: str, lack: str) -> Any:
    """Return the part called `name`: "module:attribute" of `ours`, else of the entry point `group`.

    A package can add names but never replace one of ours. Raises UsageError, beginning with `lack`, when
    nobody brings it, and one naming both packages when two do.
    """
    if name in ours:
        module, _, attribute = ours[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    points = list(entry_points(group=group, name=name))
    if not points:
        known = [*ours, *(point.name for point in entry_points(group=group))]
        raise UsageError(f"{lack} {name!r}: {nearest(name, known)}", f"install what brings it ({group})")
    if len(points) > 1:
        packages = ", ".join(point.value for point in points)
        raise UsageError(
            f"{len(points)} packages claim {name!r} in {group}: {packages}", "remove all but one"
        )
    return points[0].load()
