"""What a person may tell a running bench, a line at a time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hil_tests.session.compare.memory import RIG
from hil_tests.support.by_hand import run_by_hand
from testbed.bench import load_bench
from testbed.clock import VirtualClock
from testbed.errors import UsageError
from testbed.session.assembly import Assembly
from testbed.session.console import Console
from testbed.session.file import SessionReader

BENCH = load_bench(RIG, {})

LINES = [
    ("help", "give a command, for example"),
    ("signals", r"chamber.setpoint 60 degC, good, -20 to 85\n"),
    ("probe.temperature", r"probe.temperature [\d.]+ degC, good"),
    ("chamber.setpoint 45 degC", r"chamber.setpoint to 45 degC: acknowledged after [\d.]+ ms"),
    ("chamber.setpoint = 318.15 K", "to 45 degC: acknowledged"),
    ("chamber.heater_enable off", "to 0: acknowledged"),
    ("chamber.setpoint 500", "refused: chamber.setpoint: 500 is outside its limits"),
    ("wait 1 min", "^$"),
]
WRONG = [
    ("chamber.setpont 3", "did you mean 'chamber.setpoint'"),
    ("probe.temperature 3", "takes no commands"),
    ("chamber.setpoint warm", "write for example: chamber.setpoint 1 degC"),
    ("chamber.setpoint 3 bar", "bar"),
    ("wait", "wait : "),
    ("wait long", "write for example: wait 5 s"),
]


def test_lines_are_carried_out_and_answered(tmp_path: Path):
    async def hands(parts: Assembly, clock: VirtualClock) -> None:
        console = Console(BENCH, parts, clock.sleep)
        for line, answer in LINES:
            assert re.search(answer, await console.carry_out(line)), line
        for line, told in WRONG:
            with pytest.raises(UsageError) as raised:
                await console.carry_out(line)
            assert told in str(raised.value), line

    run_by_hand(BENCH, tmp_path / "run.session", hands)
    with SessionReader(tmp_path / "run.session") as session:
        given = [
            (each.value, each.outcome.value) for each in session.commands() if each.requester == "person"
        ]
    assert [outcome for _, outcome in given] == ["acknowledged"] * 3 + ["refused"]
    assert [value for value, _ in given] == pytest.approx([45, 45, 0, 500])
