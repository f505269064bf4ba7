"""Whatever ends a run or blinds a loop, the actuators reach their safe values: read back at the devices."""

import asyncio
import json
import signal
import time
from pathlib import Path

import pytest

from testbed.bench import load_bench
from testbed.control import Pid
from testbed.drivers.modbus.driver import ModbusDriver
from testbed.session.file import SessionReader
from testbed.session.run import Run, RunVerdict

from .processes import RIG, emulated, rewired, running, testbed, wait_until
from .readback import fan_speed, heater, vent_position

FAST = ("chamber", "probe", "fan")  # the wires that need neither D-Bus nor broker


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_leaves_every_actuator_safe(tmp_path, number):
    with emulated(RIG, *FAST) as (_, wires):
        bench = rewired(tmp_path, wires)
        with running(bench, tmp_path / "run.session") as run:
            wait_until(lambda: heater(wires["chamber"])[0] > 5, "the heater heats")
            run.process.send_signal(number)
            summary = run.finish()
        assert heater(wires["chamber"]) == (0.0, False)
        # 30 % of 3000 rpm, and the three of the tachometer's noise
        wait_until(lambda: abs(fan_speed(wires["fan"]) - 900) < 30, "the fan turns at its safe drive")
        assert summary["signals"]["fan.pwm"]["last"] == 30
        assert summary["verdict"] in ("passed", "failed")
        assert outcomes(tmp_path / "run.session", "safe state") == {"acknowledged"}


@pytest.mark.needs_system("dbus-daemon")
def test_sigterm_reaches_the_vent_over_lorawan_too(tmp_path):
    with emulated(RIG) as (_, wires):
        bench = rewired(tmp_path, wires)
        with running(bench, tmp_path / "run.session") as run:
            wait_until(lambda: heater(wires["chamber"])[0] > 5, "the heater heats")
            run.process.terminate()
            summary = run.finish()
        assert heater(wires["chamber"]) == (0.0, False)
        wait_until(lambda: vent_position(wires["vent"]) == 100, "the vent stands open", within=40)
        assert summary["signals"]["vent.opening"]["last"] == 100
        assert outcomes(tmp_path / "run.session", "safe state") == {"acknowledged"}


def test_a_silent_thermometer_takes_the_heater_to_its_safe_value_and_a_fresh_one_gives_it_back(tmp_path):
    with emulated(RIG, "probe") as (probe, first), emulated(RIG, "chamber") as (_, second):
        bench = rewired(tmp_path, {**first, **second})
        with running(bench, tmp_path / "run.session") as run:
            wait_until(lambda: heater(second["chamber"])[0] > 5, "the heater heats")
            probe.send_signal(signal.SIGSTOP)
            wait_until(lambda: heater(second["chamber"])[0] == 0, "the heater is off")
            probe.send_signal(signal.SIGCONT)
            wait_until(lambda: heater(second["chamber"])[0] > 5, "the heater heats again")
            run.process.terminate()
            run.finish()
        kinds = events(tmp_path / "run.session")
        assert "stale" in kinds
        assert "resumed" in kinds


def test_an_exception_in_a_task_ends_the_run_safely_and_is_told(tmp_path, monkeypatch):
    """The controller itself breaks in its twentieth cycle."""
    calls = []
    real = Pid.compute

    def broken(self: Pid, setpoint: float, measured: float, dt: float) -> float:
        calls.append(1)
        if len(calls) == 20:
            raise RuntimeError("the controller broke")
        return real(self, setpoint, measured, dt)

    monkeypatch.setattr(Pid, "compute", broken)
    told = []
    with emulated(RIG, *FAST) as (_, wires):
        bench = load_bench(rewired(tmp_path, wires), {})

        async def run() -> RunVerdict:
            controller = Run(bench, tmp_path / "run.session", seed=0, emulated=[], tell=told.append)
            return await controller.run(30.0)

        start = time.monotonic()
        assert asyncio.run(run()) is RunVerdict.FAILED
        assert time.monotonic() - start < 20
        assert heater(wires["chamber"]) == (0.0, False)
    assert any("the controller broke" in event.text for event in told)


def test_a_driver_that_crashes_is_started_again_to_bring_its_device_to_safety(tmp_path, monkeypatch):
    connects = []
    real = ModbusDriver.serve

    async def broken(self: ModbusDriver) -> None:
        connects.append(1)
        if len(connects) == 1:
            await self.clock.sleep(2.0)
            raise RuntimeError("the driver broke")
        await real(self)

    monkeypatch.setattr(ModbusDriver, "serve", broken)
    with emulated(RIG, *FAST) as (_, wires):
        bench = load_bench(rewired(tmp_path, wires), {})

        async def run() -> RunVerdict:
            controller = Run(bench, tmp_path / "run.session", seed=0, emulated=[], tell=lambda event: None)
            return await controller.run(30.0)

        assert asyncio.run(run()) is RunVerdict.FAILED
        assert heater(wires["chamber"]) == (0.0, False)
    assert len(connects) == 2


def test_a_device_that_is_gone_at_the_end_is_named_as_unsafe(tmp_path):
    with emulated(RIG, "probe", "chamber") as (devices, wires):
        bench = rewired(tmp_path, wires)
        with running(bench, tmp_path / "run.session") as run:
            wait_until(lambda: heater(wires["chamber"])[0] > 5, "the heater heats")
            devices.kill()
            devices.wait()
            run.process.terminate()
            assert run.finish()["verdict"] == "failed"
            assert run.process.returncode == 1
            assert run.process.stderr is not None
            assert (
                "chamber.heater_duty could not be brought to its safe value 0 %" in run.process.stderr.read()
            )


def test_emulated_devices_end_with_the_run_even_if_it_is_killed(tmp_path):
    session = tmp_path / "run.session"
    with running(RIG, session, "--emulate", "chamber,probe,fan") as run:
        children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text().split()
        assert children
        run.process.kill()
        run.process.wait()
        wait_until(lambda: not any(alive(int(child)) for child in children), "the emulators have ended")


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def outcomes(session: Path, requester: str) -> set[str]:
    with SessionReader(session) as reader:
        return {str(command.outcome) for command in reader.commands() if command.requester == requester}


def events(session: Path) -> list[str]:
    with SessionReader(session) as reader:
        return [event.kind for event in reader.events()]


def test_show_of_an_unfinished_session_says_so(tmp_path):
    with emulated(RIG, *FAST) as (_, wires):
        session = tmp_path / "run.session"
        with running(rewired(tmp_path, wires), session) as run:
            wait_until(lambda: "probe" in show(session) and show(session)["probe"], "samples in the file")
            run.process.kill()
            run.process.wait()
        assert json.loads(testbed("show", session, "--json").stdout)["verdict"] == "unfinished"


def show(session: Path) -> dict[str, int]:
    result = testbed("show", session, "--json")
    if result.returncode:
        return {}
    return {path.split(".")[0]: s["count"] for path, s in json.loads(result.stdout)["signals"].items()}
