"""None of the wrong commands that people and programs give sets off the chamber's over-temperature alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.support.wrong_commands import CASES, attack
from testbed.testing.measuring import Measure


@pytest.mark.parametrize("name", CASES)
def test_no_wrong_command_breaks_the_limit(name: str, tmp_path: Path, measure: Measure) -> None:
    case = CASES[name]
    outcome = attack(case, tmp_path)
    measure("hottest", outcome.hottest, "degC", at_most=85.0)
    measure("commands stopped", 100 * outcome.stopped / max(outcome.given, 1), "%")
    assert not outcome.alarm
    assert outcome.stopped > 0
    assert any(word in reason for reason in outcome.reasons for word in case.causes), outcome.reasons


def test_without_the_guard_it_would_have_been_broken(tmp_path: Path) -> None:
    assert attack(CASES["full power"], tmp_path, guarded=False).alarm
