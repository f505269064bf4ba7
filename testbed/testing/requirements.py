"""Which requirements a test verifies."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from testbed.errors import UsageError

MARKER = "verifies(*ids): the requirements that this test verifies, for the matrix in the report"

_EXAMPLE = 'write for example: @verifies("REQ-12")'


def verifies(*ids: str) -> pytest.MarkDecorator:
    """Mark a test, a class or a module (as `pytestmark`) with the requirements that it verifies.

    Raises UsageError for what is no id.
    """
    check_ids(ids)
    return pytest.mark.verifies(*ids)


def requirements_of(item: pytest.Item) -> list[str]:
    """Return the ids that an item verifies, those of its class and module too; raises UsageError."""
    found: list[str] = []
    for marker in item.iter_markers("verifies"):
        if marker.kwargs:
            raise UsageError(f"verifies takes ids only, not {', '.join(marker.kwargs)}", _EXAMPLE)
        check_ids(marker.args)
        found += marker.args
    return list(dict.fromkeys(found))


def check_ids(ids: Iterable[object]) -> None:
    """Raise UsageError unless there are ids and each is a text."""
    given = list(ids)
    if not given:
        raise UsageError("verifies names no requirement", _EXAMPLE)
    for each in given:
        if not isinstance(each, str) or not each.strip():
            raise UsageError(f"verifies: {each!r} is no id of a requirement", _EXAMPLE)
