"""Every node on every board: reached by its profile's unmodified driver, its pins in the plant's hands."""

import math

import pytest

from hil_tests.support import eventually, run_driver
from testbed.signals import Outcome

from .boards import ON_AVR, ON_HOST, ON_QEMU, firmware, last

BOARDS = pytest.mark.parametrize("board", [ON_HOST, ON_QEMU, ON_AVR])


@BOARDS
async def test_the_fan_is_measured_and_driven(board):
    async with firmware(board, "fan") as node, run_driver(node.device) as log:
        node.store.set("speed", 1500.0)
        node.store.set("current", 0.8)
        # A converter of 10 bits sees 3300 rpm in steps of 3.2, and cuts off what is between.
        await eventually(lambda: abs(last(log, "speed") - 1500) < 5, "the speed")
        assert math.isclose(last(log, "current"), 0.8, abs_tol=0.003)
        command = log.command("pwm", 62.5)
        await eventually(lambda: command.outcome is Outcome.ACKNOWLEDGED, "the acknowledgement")
        # The PWM of the AVR has 8 bits.
        await eventually(lambda: abs(node.store.read("pwm") - 62.5) < 0.4, "the pin")


@BOARDS
async def test_the_thermistor_is_measured_and_its_heater_driven(board):
    async with firmware(board, "thermistor") as node, run_driver(node.device) as log:
        node.store.set("temperature", 60.0)
        await eventually(lambda: abs(last(log, "temperature") - 60) < 0.2, "the temperature")
        command = log.command("heater", 25.0)
        await eventually(lambda: command.outcome is Outcome.ACKNOWLEDGED, "the acknowledgement")
        await eventually(lambda: abs(node.store.read("heater") - 25) < 0.4, "the pin")


@BOARDS
async def test_the_heater_is_measured_and_driven_over_modbus(board):
    async with firmware(board, "heater") as node, run_driver(node.device) as log:
        node.store.set("temperature", -10.0)
        node.store.set("current", 3.0)
        await eventually(lambda: abs(last(log, "temperature") + 10) < 0.3, "the temperature")
        await eventually(lambda: math.isclose(last(log, "current"), 3, abs_tol=0.01), "the current")
        command = log.command("heater", 80.0)
        await eventually(lambda: command.outcome is Outcome.ACKNOWLEDGED, "the acknowledgement")
        await eventually(lambda: abs(node.store.read("heater") - 80) < 0.4, "the pin")


@BOARDS
async def test_outputs_go_safe_by_themselves_when_commands_stop_and_the_node_reports_it(board):
    async with firmware(board, "fan") as node, run_driver(node.device) as log:
        log.command("pwm", 90.0)
        await eventually(lambda: node.store.read("pwm") > 89, "the fan driven")
        await eventually(lambda: abs(node.store.read("pwm") - 30) < 0.4, "the safe drive", within=2)
        await eventually(lambda: last(log, "watchdog_trips") == 1, "the report")
        assert "watchdog: no command within 0.5 s" in node.console()


@BOARDS
async def test_a_start_is_told_with_its_reason_and_time_counts_from_it(board):
    async with firmware(board, "fan") as node, run_driver(node.device) as log:
        assert "fan: boot: cobs/fan-node, power on" in node.console()
        await eventually(lambda: last(log, "uptime") > 0.9, "time counting")
        assert last(log, "boot_reason") == 0


async def _refused(board, node, signal, value):
    async with firmware(board, node) as running, run_driver(running.device) as log:
        command = log.command(signal, value)
        await eventually(lambda: command.outcome is Outcome.FAILED, "the refusal")
        return command.reason


@pytest.mark.parametrize("board", [ON_HOST])
async def test_firmware_refuses_what_is_outside_its_limits_whoever_asks(board):
    assert "out of range" in await _refused(board, "fan", "pwm", 101.0)
    assert "-222 Data out of range" in await _refused(board, "thermistor", "heater", -1.0)
    assert "illegal data value" in (await _refused(board, "heater", "heater", 150.0)).lower()
