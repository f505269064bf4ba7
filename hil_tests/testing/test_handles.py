"""A running bench as a test sees it: signals by name, values with units, commands that are waited for."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest

from hil_tests.session.compare.memory import RIG
from hil_tests.support.by_hand import run_by_hand
from testbed.bench import load_bench
from testbed.clock import VirtualClock
from testbed.errors import UsageError
from testbed.session.assembly import Assembly
from testbed.session.file import SessionReader
from testbed.signals import Outcome, Quality
from testbed.testing import AnyBench, CommandNotDone, ReadableSignal, WritableSignal
from testbed.testing.handles import open_handles

BENCH = load_bench(RIG, {})


def handles(parts: Assembly, clock: VirtualClock) -> AnyBench:
    return open_handles(BENCH.name, BENCH.signals, parts.mirror.readings, parts.commander.ask, clock.sleep)


def test_signals_are_found_by_name_and_commands_are_waited_for(tmp_path: Path):
    async def hands(parts: Assembly, clock: VirtualClock) -> None:
        bench = handles(parts, clock)
        probe = bench.probe.temperature
        assert probe is bench["probe"]["temperature"]
        assert isinstance(probe, ReadableSignal)
        assert not isinstance(probe, WritableSignal)
        assert (probe.path, probe.unit, probe.quality) == ("probe.temperature", "degC", Quality.GOOD)
        assert 15 < probe.value < 60
        assert probe.last.time_ns > 0
        began = clock.now()
        await bench.sleep("2 min")
        assert clock.now() - began == pytest.approx(120e9, rel=1e-6)
        command = await bench["chamber"].setpoint.set(313.15, "K")
        assert command.outcome is Outcome.ACKNOWLEDGED
        assert bench.chamber.setpoint.value == pytest.approx(40)
        assert repr(bench.chamber.setpoint) == "<chamber.setpoint 40 degC>"

    run_by_hand(BENCH, tmp_path / "run.session", hands)
    with SessionReader(tmp_path / "run.session") as session:
        assert [each.value for each in session.commands() if each.requester == "test"] == pytest.approx([40])


def test_what_cannot_be_is_told_by_name(tmp_path: Path):
    async def hands(parts: Assembly, clock: VirtualClock) -> None:
        bench = handles(parts, clock)
        with pytest.raises(UsageError, match="did you mean 'chamber'"):
            bench["chambr"]
        with pytest.raises(AttributeError, match="did you mean 'temperature'"):
            bench.probe.temprature  # noqa: B018
        assert not hasattr(bench.probe, "_anything")
        assert copy.copy(bench.probe).temperature is bench.probe.temperature
        with pytest.raises(CommandNotDone, match=r"refused: .* outside its limits") as raised:
            await bench.chamber.setpoint.set(500)
        assert raised.value.command.outcome is Outcome.REFUSED
        with pytest.raises(UsageError, match="cannot be set to 3 bar"):
            await bench.chamber.setpoint.set(3, "bar")
        with pytest.raises(UsageError, match="cannot be set to nan"):
            await bench.chamber.setpoint.set(math.nan)
        with pytest.raises(UsageError, match="is no time"):
            await bench.sleep("3 degC")

    run_by_hand(BENCH, tmp_path / "run.session", hands)
