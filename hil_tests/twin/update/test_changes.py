"""What changes in a plant is found, named rightly and followed; what does not change raises no alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.support.plant_changes import CHANGES, Change, happen
from testbed.testing.measuring import Measure


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_plant_is_found_named_and_followed(
    name: str, tmp_path: Path, measure: Measure
) -> None:
    change = CHANGES[name]
    outcome = happen(change, tmp_path)
    measure("seen after", outcome.seen, "s")
    measure("named after", outcome.named, "s")
    measure(f"{', '.join(outcome.causes)} at the end", outcome.found)
    assert outcome.causes == [change.cause]
    assert outcome.alarms == 0
    assert 0 < outcome.seen < outcome.named < outcome.used < change.lasts
    assert outcome.found == pytest.approx(change.value, rel=0.05, abs=0.03)


def test_a_minute_of_normal_work_raises_no_alarm_and_95_percent_intervals_hold(
    tmp_path: Path, measure: Measure
) -> None:
    outcome = happen(Change(None, 60.0), tmp_path)
    measure("false alarms", outcome.alarms)
    for signal, share in outcome.coverage.items():
        measure(f"within the 95 % interval of {signal}", 100 * share, "%")
    for device, skill in outcome.skill.items():
        measure(f"skill of forecasts of {device} against persistence", skill)
    assert (outcome.alarms, outcome.causes) == (0, [])
    for signal, share in outcome.coverage.items():
        assert 0.92 <= share <= 0.985, signal
