"""Emulated devices beside a run: where they answer, what is replaced, and what is said when they cannot."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hil_tests.support import eventually
from hil_tests.system.processes import RIG
from testbed.bench import load_bench, parse_wire
from testbed.errors import TestbedError, UsageError
from testbed.session import emulation as module
from testbed.session.emulation import Emulation, emulation, parse_names

BENCH = load_bench(RIG, {})


def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let what is started as Python be `script`; $1 and so on are the arguments."""
    file = tmp_path / "python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(file))


def gone(pid_file: Path) -> bool:
    """Whether the process that wrote its number there has ended and been waited for."""
    return not Path(f"/proc/{pid_file.read_text().strip()}").exists()


async def test_the_named_devices_answer_at_the_wires_that_are_told_and_end_with_the_block():
    async with emulation(RIG, ["probe", "fan"], seed=0) as emulated:
        assert set(emulated.wires) == {"probe", "fan"}
        assert emulated.failed == {}
        ports = [Path(parse_wire(wire).path) for wire in emulated.wires.values()]
        assert all(port.exists() for port in ports)
    assert not any(port.exists() for port in ports)
    assert not any(port.parent.exists() for port in ports)


def test_only_the_far_ends_of_the_named_wires_are_replaced():
    wire = "serial:///tmp/probe?baud=115200"
    bench = Emulation({"probe": wire}, {}).rewire(BENCH)
    assert str(bench.devices["probe"].wire) == wire
    assert bench.devices["probe"] == replace(BENCH.devices["probe"], wire=parse_wire(wire))
    others = [name for name in BENCH.devices if name != "probe"]
    assert all(bench.devices[name] is BENCH.devices[name] for name in others)
    assert bench == replace(BENCH, devices=bench.devices)
    assert str(BENCH.devices["probe"].wire) == "serial:///dev/ttyUSB0?baud=115200"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", ["chamber", "probe", "fan", "air", "vent"]),
        ("fan", ["fan"]),
        (" fan , probe,", ["fan", "probe"]),
        ("fan,probe,fan", ["fan", "probe"]),
    ],
)
def test_names_are_read_each_once(text, names):
    assert parse_names(text, BENCH) == names


@pytest.mark.parametrize("text", ["", " ", ",", "fan,fann", "ALL"])
def test_names_that_name_nothing_are_refused_with_those_there_are(text):
    with pytest.raises(UsageError) as caught:
        parse_names(text, BENCH)
    assert caught.value.next_step == "choose from all, chamber, probe, fan, air, vent"


async def test_devices_that_end_at_once_are_told_with_their_exit_code(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, "exit 3")
    with pytest.raises(TestbedError, match=r"ended at once \(exit 3\)"):
        async with emulation(RIG, ["probe"], seed=0):
            pass


async def test_devices_that_never_get_ready_are_told_and_ended(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, f"echo $$ > {tmp_path}/pid; exec sleep 60")
    monkeypatch.setattr(module, "_READY_TIMEOUT", 0.5)
    with pytest.raises(TestbedError, match=r"not ready within 0\.5 s") as caught:
        async with emulation(RIG, ["probe"], seed=0):
            pass
    assert caught.value.next_step == "run: testbed doctor"
    assert gone(tmp_path / "pid")


async def test_devices_that_do_not_end_when_told_to_are_killed(tmp_path, monkeypatch):
    told = '{"devices": {"probe": {"wire": "serial:///dev/null"}}, "failed": {"fan": "no room"}}'
    program(
        tmp_path,
        monkeypatch,
        f"trap '' TERM; echo $$ > {tmp_path}/pid; echo '{told}'; while :; do sleep 1; done",
    )
    monkeypatch.setattr(module, "_STOP_TIMEOUT", 0.3)
    async with emulation(RIG, ["probe", "fan"], seed=0) as emulated:
        assert emulated == Emulation({"probe": "serial:///dev/null"}, {"fan": "no room"})
    assert gone(tmp_path / "pid")


async def test_devices_that_died_meanwhile_do_not_spoil_the_end(tmp_path, monkeypatch):
    told = '{"devices": {"probe": {"wire": "serial:///dev/null"}}}'
    program(tmp_path, monkeypatch, f"echo $$ > {tmp_path}/pid; echo '{told}'")
    async with emulation(RIG, ["probe"], seed=0):
        await eventually(lambda: gone(tmp_path / "pid"), "it has ended")


async def test_a_run_that_is_cancelled_while_they_start_leaves_none_behind(tmp_path, monkeypatch):
    program(
        tmp_path,
        monkeypatch,
        f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 60",
    )

    async def start() -> None:
        async with emulation(RIG, ["probe"], seed=0):
            pass

    task = asyncio.create_task(start())
    await eventually((tmp_path / "pid").exists, "it runs")
    assert not gone(tmp_path / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(tmp_path / "pid")


def test_what_the_environment_gave_stays_hidden_in_the_wire_of_an_emulated_device() -> None:
    wire = parse_wire("ble://C0:FF:EE:00:00:01?passkey=${PIN}", {"PIN": "012345"})
    bench = replace(BENCH, devices={"probe": replace(BENCH.devices["probe"], wire=wire)})
    told = "ble://C0:FF:EE:00:00:01?passkey=012345&bus=unix:path=/tmp/bus.sock"
    reached = Emulation({"probe": told}, {}).rewire(bench).devices["probe"].wire
    assert reached.option("passkey", "") == "012345"
    assert str(reached) == told.replace("012345", "${PIN}")
    assert reached.redacted("passkey 012345") == "passkey ${PIN}"
