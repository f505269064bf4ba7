"""What a bench does to firmware on purpose, and what its driver sees of it."""

import asyncio
import shutil

import pytest

from hil_tests.support import eventually, run_driver
from testbed.drivers import LinkState
from testbed.errors import LinkError, UsageError
from testbed.signals import Quality

from .boards import ON_AVR, ON_HOST, ON_QEMU, STUBS, built, firmware, last, make

BOTH = pytest.mark.parametrize("board", [ON_HOST, ON_QEMU])


@BOTH
async def test_a_reset_brings_the_outputs_to_safety_and_is_told_as_the_reason_of_the_start(board):
    async with firmware(board, "fan") as node, run_driver(node.device) as log:
        log.command("pwm", 90.0)
        await eventually(lambda: node.store.read("pwm") > 89, "the fan driven")
        await node.breakable.break_("reset", {})
        await eventually(lambda: abs(node.store.read("pwm") - 30) < 0.1, "the safe drive", within=0.45)
        await eventually(lambda: last(log, "boot_reason") == 1, "the reason")
        assert "boot: cobs/fan-node, reset" in node.console()


@pytest.mark.parametrize("board", [ON_HOST, ON_QEMU, ON_AVR])
async def test_a_hang_silences_the_node_and_its_watchdog_acts_when_it_goes_on(board):
    async with firmware(board, "fan") as node, run_driver(node.device) as log:
        log.command("pwm", 90.0)
        await eventually(lambda: node.store.read("pwm") > 89, "the fan driven")
        await node.breakable.break_("hang", {})
        await eventually(lambda: log.of("speed", Quality.BAD), "the driver notices")
        assert node.store.read("pwm") > 89  # outputs stay as they are: the firmware cannot help it
        await node.breakable.mend("hang")
        await eventually(lambda: abs(node.store.read("pwm") - 30) < 0.4, "the safe drive")
        await eventually(lambda: log.driver.state is LinkState.ONLINE, "the driver online again")


@BOTH
async def test_a_brown_out_takes_the_outputs_away_and_the_port_stays(board):
    async with firmware(board, "fan") as node, run_driver(node.device) as log:
        await eventually(lambda: node.store.read("pwm") == pytest.approx(30, abs=0.1), "the safe drive")
        await node.breakable.break_("brown-out", {})
        await eventually(lambda: node.store.read("pwm") == 0, "no drive without power")
        await eventually(lambda: log.of("speed", Quality.BAD), "the driver notices")
        await node.breakable.mend("brown-out")
        await eventually(lambda: last(log, "boot_reason") == 3, "the reason")
        assert "the supply broke down" in node.console()


@pytest.mark.parametrize("board", [ON_QEMU])
async def test_a_damaged_image_drives_nothing_and_says_so_until_it_is_flashed_again(board):
    async with firmware(board, "fan") as node, run_driver(node.device) as log:
        # A byte of the data behind all code: the start-up code stays sound, so that it can notice.
        byte = built(board, "fan").stat().st_size - 8
        await node.breakable.break_("flash-corruption", {"byte": byte})
        await eventually(lambda: "the image is damaged" in node.console(), "the start-up code notices")
        assert node.store.read("pwm") == 0
        await node.breakable.mend("flash-corruption")
        await eventually(lambda: node.store.read("pwm") == pytest.approx(30, abs=0.1), "it starts")
        await eventually(lambda: log.driver.state is LinkState.ONLINE, "the driver online again")


@pytest.mark.parametrize("board", [ON_QEMU])
async def test_a_main_loop_that_hangs_is_reset_by_the_hardware_watchdog(board, tmp_path):
    stubs = tmp_path / "stubs"
    shutil.copytree(STUBS, stubs, ignore=shutil.ignore_patterns("build"))
    loop = stubs / "core" / "node.c"
    trap = (
        "if (signals_get(SIGNAL_HEARTBEAT) == 99.0F) {\n        for (;;) {\n        }\n    }\n    hal_kick();"
    )
    loop.write_text(loop.read_text().replace("hal_kick();", trap))
    done = make("-C", str(stubs), f"BOARDS={board}", "NODES=fan")
    assert done.returncode == 0, done.stdout + done.stderr
    image = stubs / "build" / board / "fan.bin"
    async with firmware(board, "fan", image=image) as node, run_driver(node.device) as log:
        log.command("pwm", 90.0)
        await eventually(lambda: node.store.read("pwm") > 89, "the fan driven")
        log.command("heartbeat", 99.0)
        await eventually(lambda: node.store.read("pwm") == pytest.approx(30, abs=0.1), "the safe drive")
        await eventually(lambda: last(log, "boot_reason") == 2, "the reason")
        assert "reset by the hardware watchdog" in node.console()


async def test_firmware_that_ends_at_once_is_no_device(tmp_path):
    program = tmp_path / "fan"
    program.write_text("#!/bin/sh\necho no such thing\nexit 7\n")
    program.chmod(0o755)
    shutil.copy(STUBS / "nodes" / "fan.yaml", tmp_path / "fan.yaml")
    with pytest.raises(LinkError, match=r"ended at once \(exit 7\): no such thing"):
        async with firmware("host", "fan", image=program):
            pass


@BOTH
async def test_a_stuck_input_no_longer_follows_the_plant(board):
    async with firmware(board, "thermistor") as node, run_driver(node.device) as log:
        node.store.set("temperature", 40.0)
        await eventually(lambda: abs(last(log, "temperature") - 40) < 0.2, "40 degC")
        await node.breakable.break_("stuck-adc", {"signal": "temperature"})
        node.store.set("temperature", 80.0)
        count = len(log.good("temperature"))
        await eventually(lambda: len(log.good("temperature")) > count + 3, "more readings")
        assert abs(last(log, "temperature") - 40) < 0.2
        await node.breakable.break_("stuck-adc", {"signal": "temperature", "value": "25 degC"})
        await eventually(lambda: abs(last(log, "temperature") - 25) < 0.2, "25 degC")
        await node.breakable.mend("stuck-adc")
        await eventually(lambda: abs(last(log, "temperature") - 80) < 0.3, "80 degC")


@BOTH
async def test_noise_on_the_line_damages_frames_and_both_sides_survive_it(board):
    async with firmware(board, "fan") as node, run_driver(node.device) as log:
        await node.breakable.break_("uart-noise", {"rate": "200 Hz"})
        await eventually(lambda: log.driver.bad_frames > 3, "damaged frames")
        await node.breakable.mend("uart-noise")
        await asyncio.sleep(0.1)  # what was on the line
        bad = log.driver.bad_frames
        count = len(log.good("speed"))
        await eventually(lambda: len(log.good("speed")) > count + 50, "telemetry again")
        assert log.driver.bad_frames <= bad + 1
        first = log.command("pwm", 40.0)  # may be lost with the noise that stood before it on the line
        await eventually(lambda: first.done_ns, "the first command settled")
        second = log.command("pwm", 40.0)
        await eventually(lambda: second.done_ns, "the second command settled")
        assert second.outcome == "acknowledged"


@pytest.mark.parametrize("board", [ON_HOST])
async def test_what_a_board_cannot_have_is_refused_with_the_reason(board):
    async with firmware(board, "fan") as node:
        with pytest.raises(UsageError, match="only an image that checks itself"):
            await node.breakable.break_("flash-corruption", {})
        with pytest.raises(UsageError, match="choose from speed, current"):
            await node.breakable.break_("stuck-adc", {"signal": "pwm"})
        with pytest.raises(UsageError, match="'gravity'"):
            await node.breakable.break_("gravity", {})
