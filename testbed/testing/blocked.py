"""Blocked: a test that could not be carried out, which says nothing about what was to be tested."""

from __future__ import annotations

from typing import NoReturn

import pytest
from _pytest.outcomes import Skipped  # pytest.skip.Exception, which type checkers do not know

PROPERTY = "blocked"
"""The name of the user property that says why."""


class Blocked(Skipped):
    """Ends a test that could not be carried out; pytest counts it apart."""


def is_blocked(report: pytest.TestReport) -> bool:
    """Return whether a report is of a test that could not be carried out."""
    return report.skipped and any(name == PROPERTY for name, _ in report.user_properties)


def block(item: pytest.Item, reason: str) -> NoReturn:
    """End a test as blocked, or as failed with --hil-strict."""
    __tracebackhide__ = True
    item.user_properties.append((PROPERTY, reason))
    if item.config.getoption("--hil-strict"):
        pytest.fail(f"blocked: {reason}", pytrace=False)
    raise Blocked(f"blocked: {reason}", _use_item_location=True)
