"""An emulated Modbus device that is broken on purpose: what the driver says, and that it gets over it."""

from __future__ import annotations

import random

import pytest

from hil_tests.support import DriverLog, emulate, eventually, make_device, run_driver
from testbed.bench.faults import MODBUS
from testbed.clock import Clock
from testbed.errors import UsageError
from testbed.links.faulty import FaultyWire
from testbed.signals import Outcome, Quality

TCP = "modbus+tcp://h:1?unit=1&timeout=0.05"
RTU = "modbus+rtu:///dev/ttyUSB0?unit=3&baud=115200&parity=N&timeout=0.05"
ASCII = "modbus+ascii+tcp://h:1?unit=3&timeout=0.05"

ALL = {"share": 1.0}


def newest(log: DriverLog, quality: Quality) -> str | None:
    """The reason of the newest temperature, if it has this quality."""
    samples = log.of("temperature")
    return samples[-1].reason if samples and samples[-1].quality is quality else None


async def turns_bad(log: DriverLog, says: str) -> None:
    await eventually(lambda: says in (newest(log, Quality.BAD) or ""), f"a bad sample that says: {says}")


async def turns_good(log: DriverLog) -> None:
    await eventually(lambda: newest(log, Quality.GOOD) is not None, "a good sample", 20)


@pytest.mark.parametrize(
    ("wire", "fault", "told", "says"),
    [
        (TCP, "exception", {"code": 6.0}, "the device refused: server device busy (exception 6)"),
        (RTU, "exception", {"code": 2.0}, "the device refused: illegal data address (exception 2)"),
        (TCP, "wrong-unit", {}, "malformed response: from unit 2, expected unit 1"),
        (RTU, "wrong-unit", {}, "bytes came that are no response to it: 04"),
        (TCP, "wrong-length", {}, "malformed response: 4 bytes 04 02"),
        (RTU, "wrong-length", {}, "bytes came that are no response to it: 03 04 02"),
        (RTU, "wrong-checksum", {}, "bytes came that are no response to it: 03 04 04"),
        (ASCII, "wrong-checksum", {}, "characters came that are no response to it: b':030404"),
    ],
)
async def test_each_wrong_answer_is_a_bad_sample_that_says_what_came(
    wire: str, fault: str, told: dict[str, float], says: str
) -> None:
    async with (
        emulate(make_device("modbus/thermal-chamber", wire)) as emulated,
        run_driver(emulated["dut"].device) as log,
    ):
        await turns_good(log)
        broken = emulated.breakables["dut"]
        await broken.break_(fault, {**ALL, **told})
        await turns_bad(log, says)
        command = log.command("heater_duty", 37.5)
        await eventually(lambda: not command.pending, "the outcome")
        assert command.outcome is Outcome.FAILED
        await broken.mend(fault)
        await turns_good(log)


def test_the_catalogue_has_no_fault_that_is_not_tested_here() -> None:
    assert set(MODBUS) == {"exception", "wrong-unit", "wrong-length", "wrong-checksum"}


@pytest.mark.parametrize("wire", [TCP, RTU])
@pytest.mark.parametrize(
    ("fault", "told"),
    [("delay", {"by": 0.03}), ("split", {"gap": 0.01})],
)
async def test_late_answers_and_split_frames_are_answers_all_the_same(
    wire: str, fault: str, told: dict[str, float]
) -> None:
    made: list[FaultyWire] = []

    def faulty(clock: Clock) -> FaultyWire:
        made.append(FaultyWire(clock, "dut"))
        return made[-1]

    async with (
        emulate(make_device("modbus/thermal-chamber", wire.replace("=0.05", "=2"))) as emulated,
        run_driver(emulated["dut"].device, wire=faulty) as log,
    ):
        await turns_good(log)
        made[0].begin(fault, {**ALL, **told, "towards": "controller"}, random.Random(1))
        heard = len(log.good("temperature"))
        await eventually(lambda: len(log.good("temperature")) > heard + 3, "more good samples")
        assert not log.of("temperature", Quality.BAD)
        made[0].end(fault)


async def test_what_has_no_checksum_cannot_have_a_wrong_one() -> None:
    async with emulate(make_device("modbus/thermal-chamber", TCP)) as emulated:
        with pytest.raises(UsageError, match="Modbus/TCP has no checksum that could be wrong"):
            await emulated.breakables["dut"].break_("wrong-checksum", ALL)
