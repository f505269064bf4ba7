"""What is broken on purpose on the demo bench: at its wires, behind them, in its plant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testbed.session.faults import FaultRefused
from testbed.session.file import SessionReader
from testbed.testing import expect

from .processes import RIG, running, testbed, wait_until


async def hot(bench) -> None:
    await expect(bench.probe.temperature).to_settle(60, within="40 s", tolerance="1 K", for_="5 s")


class TestAtTheWire:
    """These work on real devices too."""

    async def test_a_late_answer_makes_samples_late_and_a_loop_safe(self, bench, faults):
        await hot(bench)
        async with faults.injected("probe", "delay", by="2 s"):
            await expect(bench.chamber.heater_duty).to_reach(at_most=0, within="8 s")
        await expect(bench.chamber.heater_duty).to_reach(at_least=5, within="20 s")

    async def test_damaged_frames_with_a_checksum_are_never_taken_for_values(self, bench, faults):
        await expect(bench.fan.speed).to_settle(1500, within="10 s", tolerance="60 rpm", for_="2 s")
        async with faults.injected("fan", "corrupt", share=0.5, towards="controller"):
            await expect(bench.fan.speed).to_become_bad(within="1 s")
            for _ in range(100):
                await bench.sleep("0.1 s")
                assert 1300 < bench.fan.speed.value < 1700, "the last good one"

    async def test_a_wire_that_is_cut_is_lost_at_once_and_opened_again(self, bench, faults):
        async with faults.injected("chamber", "disconnect"):
            await expect(bench.chamber.temperature).to_become_bad(within="1 s")
        await expect(bench.chamber.temperature).to_become_good(within="10 s")

    async def test_a_half_open_connection_is_noticed(self, bench, faults):
        async with faults.injected("chamber", "half-open"):
            await expect(bench.chamber.temperature).to_become_bad(within="5 s")
        await expect(bench.chamber.temperature).to_become_good(within="10 s")

    async def test_notifications_and_messages_that_come_twice_are_no_news(self, bench, faults):
        await faults.inject("air", "duplicate")
        await faults.inject("vent", "duplicate")
        await expect(bench.air.temperature).to_stay_good(during="20 s")
        await expect(bench.vent.position).to_stay_good(during="20 s")


class TestBehindTheWire:
    """These need an emulated device."""

    async def test_a_stuck_sensor_shows_the_same_on_and_on(self, bench, faults):
        await faults.inject("probe", "stuck", signal="temperature", value="30 degC")
        await bench.sleep("1 s")
        await expect(bench.probe.temperature).to_stay_at(30, tolerance="0.1 K", during="5 s")

    async def test_a_drifting_sensor_leaves_the_other_one_behind(self, bench, faults):
        await hot(bench)
        await faults.inject("air", "drifting", signal="temperature", rate="60 K")
        await expect(bench.air.temperature).to_reach(at_least=80, within="40 s")
        await expect(bench.probe.temperature).to_stay_below(62, during="5 s")

    async def test_a_saturated_sensor_shows_no_more(self, bench, faults):
        await faults.inject("air", "saturated", signal="temperature", value="40 degC")
        await expect(bench.air.temperature).to_stay_below(40.2, during="30 s")

    async def test_a_noisy_sensor_scatters(self, bench, faults):
        await hot(bench)
        await faults.inject("chamber", "noisy", signal="load_temperature", sigma="5 K")
        await expect(bench.chamber.load_temperature).to_reach(at_least=66, within="60 s")

    async def test_a_jammed_actuator_takes_commands_and_stays(self, bench, faults):
        await bench.fan.pwm.set(50, "%")
        await expect(bench.fan.speed).to_settle(1500, within="5 s", tolerance="50 rpm", for_="1 s")
        async with faults.injected("fan", "jammed", signal="pwm"):
            await bench.fan.pwm.set(90, "%")
            await expect(bench.fan.speed).to_stay_below(1600, during="5 s")
        await expect(bench.fan.speed).to_reach(at_least=2600, within="5 s")

    async def test_a_slow_actuator_follows_late(self, bench, faults):
        await bench.fan.pwm.set(30, "%")
        await bench.sleep("3 s")
        await faults.inject("fan", "slow", signal="pwm", lag="5 s")
        await bench.fan.pwm.set(90, "%")
        await expect(bench.fan.speed).to_stay_below(2400, during="4 s")
        await expect(bench.fan.speed).to_reach(at_least=2600, within="30 s")

    async def test_a_device_that_reboots_is_away_and_is_configured_again(self, bench, faults):
        await faults.inject("chamber", "reboot", away="2 s")
        await expect(bench.chamber.temperature).to_become_good(within="15 s")
        await hot(bench)  # which it cannot with the heater that it starts without

    async def test_a_modbus_device_that_refuses_is_quoted(self, bench, faults):
        async with faults.injected("chamber", "exception", code=6):
            await expect(bench.chamber.temperature).to_become_bad(within="1 s")
            assert "server device busy (exception 6)" in bench.chamber.temperature.last.reason
        await expect(bench.chamber.temperature).to_become_good(within="1 s")

    async def test_a_weak_heater_needs_more_duty(self, bench, faults):
        await hot(bench)
        await bench.sleep("20 s")
        duty = bench.chamber.heater_duty.value
        await faults.inject("chamber", "heater_weak", share=0.5)
        await expect(bench.chamber.heater_duty).to_reach(at_least=1.5 * duty, within="60 s")

    async def test_a_warm_room_needs_less(self, bench, faults):
        await hot(bench)
        await bench.sleep("20 s")
        duty = bench.chamber.heater_duty.value
        await faults.inject("chamber", "ambient_step", by="20 K")
        await expect(bench.chamber.heater_duty).to_reach(at_most=0.8 * duty, within="60 s")

    async def test_a_worn_bearing_needs_more_drive(self, bench, faults):
        await expect(bench.fan.speed).to_settle(1500, within="10 s", tolerance="60 rpm", for_="2 s")
        drive = bench.fan.pwm.value
        await faults.inject("fan", "bearing_worn", times=3)
        await expect(bench.fan.pwm).to_reach(at_least=drive + 5, within="10 s")


async def test_what_cannot_be_broken_is_told(bench, faults):
    with pytest.raises(Exception, match="no fault is called 'dely'"):
        await faults.inject("probe", "dely")
    with pytest.raises(Exception, match="delay has no parameter 'bye'"):
        await faults.inject("probe", "delay", bye="2 s")
    with pytest.raises(Exception, match="stuck needs parameters"):
        await faults.inject("probe", "stuck")
    with pytest.raises(Exception, match="exception is for devices emulated in modbus; probe speaks scpi"):
        await faults.inject("probe", "exception")
    with pytest.raises(FaultRefused, match="probe has no fault delay now"):
        await faults.clear("probe", "delay")


def test_a_run_with_every_fault_at_the_wire_replays(tmp_path: Path) -> None:
    devices = ("chamber", "probe", "fan", "air", "vent")
    catalogue = json.loads(testbed("fault", "--list", "--json").stdout)["faults"]
    names = [name for name, fault in catalogue.items() if fault["place"] == "wire"]
    asked = [f"--fault={devices[n % 5]}:{name}@{2 + 3 * n}s/2s" for n, name in enumerate(names)]
    session = tmp_path / "a.session"
    done = testbed("run", RIG, "--virtual", "--for", "60s", "--session", session, "--json", *asked)
    assert done.returncode in (0, 1), done.stderr
    with SessionReader(session) as reader:
        told = [event.text for event in reader.events() if event.kind == "fault"]
    assert [text for text in told if "mended" in text] == [
        f"{name} at {devices[n % 5]}: mended" for n, name in enumerate(names)
    ]
    assert testbed("replay", session).returncode == 0


@pytest.mark.needs_system("mosquitto", "dbus-daemon")
def test_from_another_terminal_a_running_bench_is_broken_and_mended(tmp_path: Path) -> None:
    session = tmp_path / "a.session"
    with running(RIG, session, "--emulate", "probe", "--for", "60s") as run:

        def broken() -> list[str]:
            told = testbed("fault", session, "--json")
            return [each["fault"] for each in json.loads(told.stdout)["faults"]]

        wait_until(lambda: testbed("fault", session).returncode == 0, "the control socket")
        assert testbed("fault", session, "probe", "delay", "-p", "by=100ms", "--for", "30s").returncode == 0
        assert testbed("fault", session, "probe", "stuck", "-p", "signal=temperature").returncode == 0
        assert broken() == ["delay", "stuck"]
        assert testbed("fault", session, "probe", "delay", "--clear").returncode == 0
        assert broken() == ["stuck"]
        real = testbed("fault", session, "chamber", "delay")
        assert (real.returncode, "--allow-faults" in real.stderr) == (2, True)
        wrong = testbed("fault", session, "probe", "stuck", "-p", "signal=temprature")
        assert (wrong.returncode, "did you mean 'temperature'?" in wrong.stderr) == (2, True)
        run.process.terminate()
        run.finish()
    with SessionReader(session) as reader:
        told = [event.text for event in reader.events() if event.kind == "fault"]
    assert [text.split(":")[0] for text in told] == ["delay at probe", "stuck at probe", "delay at probe"]
    assert "asked for it" in told[0]
