"""Recordings of devices that are asked: every answer finds its question again, whatever came between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil_tests.support import DriverLog, emulate, eventually, make_device
from hil_tests.support.far_end import far_end
from hil_tests.support.modbus_scripts import (
    PAIR,
    READ_A,
    READ_B,
    A,
    held,
    honest,
    in_turn,
    rtu_script,
    tcp_script,
)
from testbed.links import Direction, PtyEnd
from testbed.protocols.modbus import rtu, tcp
from testbed.signals import Outcome

from .recordings import bad_reasons, decoded, recorded, the_same

CLIMATE = """
profile: test/climate
protocol: scpi
timeout: 0.1 s
signals:
  temperature: {query: "TEMP?", unit: degC, rate: 40 Hz}
  humidity: {query: "HUM?", unit: "%", rate: 40 Hz}
  setpoint: {set: "SOUR:TEMP {value}", unit: degC, access: write, safe: 20}
"""

both_wires = pytest.mark.parametrize("script_on", [tcp_script, rtu_script], ids=["tcp", "rtu"])


async def more(log: DriverLog, *signals: str, count: int = 3) -> None:
    seen = {signal: len(log.good(signal)) for signal in signals}
    await eventually(
        lambda: all(len(log.good(name)) >= n + count for name, n in seen.items()), "good samples"
    )


def reasons(log: DriverLog, words: str) -> list[str]:
    return [reason for reason in bad_reasons(log) if words in reason]


# Modbus -------------------------------------------------------------------------------------------


@both_wires
async def test_polls_beside_commands_decode_to_the_very_samples(script_on: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    async with script_on(tmp_path) as (_, device), recorded(path, PAIR, device.wire) as log:
        await more(log, "a", "b")
        commands = [log.command(name, 1.0) for name in ("power", "mode", "pump")]
        await eventually(lambda: not any(command.pending for command in commands), "outcomes")
        await more(log, "a", "b")
    the_same(path, log)
    assert decoded(path).devices["dut"].not_from_bytes == 0


@both_wires
async def test_exceptions_and_answers_without_a_number_are_decoded_as_they_were_told(
    script_on: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.session"
    async with script_on(tmp_path) as (script, device), recorded(path, PAIR, device.wire) as log:
        await more(log, "a", "b")
        for wrong in (bytes.fromhex("84 02"), held(float("nan")), held(float("-inf"))):
            script.answer = lambda pdu, wrong=wrong: [wrong] if pdu == READ_B else honest(pdu)
            told = len(log.of("b")) + 3
            await eventually(lambda told=told: len(log.of("b")) >= told, "bad samples of b")
    the_same(path, log)
    assert reasons(log, "illegal data address")
    assert reasons(log, "the device sent nan")
    assert decoded(path).devices["dut"].not_from_bytes == 0


async def test_on_tcp_malformed_answers_and_those_of_another_unit_are_decoded_as_they_were_told(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.session"
    async with tcp_script(tmp_path) as (script, device), recorded(path, PAIR, device.wire) as log:
        script.answer = lambda pdu: [b"\x04\x04\x3f\xc0"] if pdu == READ_B else honest(pdu)
        await eventually(lambda: reasons(log, "malformed response"), "malformed answers")
        script.unit = 9
        await eventually(lambda: reasons(log, "from unit 9, expected unit 1"), "another unit's answers")
    the_same(path, log)


async def test_on_tcp_late_and_double_answers_are_nobodys_here_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    options = "&timeout=0.1"
    async with tcp_script(tmp_path, options) as (script, device), recorded(path, PAIR, device.wire) as log:
        await more(log, "a", "b")
        script.answer = lambda pdu: [] if pdu == READ_B else [held(A), held(77.0)]
        await eventually(lambda: reasons(log, "no answer within"), "a timeout of b")
        late = next(number for number, _, pdu in reversed(script.requests) if pdu == READ_B)
        script.answer = honest
        await more(log, "a")
        script.raw(tcp.encode_frame(late, 1, held(88.0)) * 2)
        await more(log, "a", "b")
    the_same(path, log)
    assert decoded(path).devices["dut"].not_from_bytes > 0


async def test_on_tcp_after_what_is_no_modbus_the_next_connection_is_decoded_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    async with tcp_script(tmp_path) as (script, device), recorded(path, PAIR, device.wire) as log:
        await more(log, "a", "b")
        script.raw(b"HTTP/1.1 400 Bad Request\r\n")
        await eventually(lambda: log.kinds().count("online") == 2, "online again")
        await more(log, "a", "b")
    the_same(path, log)
    assert reasons(log, "offline")


async def test_on_a_line_garbage_and_broken_answers_are_stepped_over_here_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    damaged = bytearray(rtu.encode_frame(1, held(A)))
    damaged[4] ^= 0x10
    async with (
        rtu_script(tmp_path, "&timeout=0.1") as (script, device),
        recorded(path, PAIR, device.wire) as log,
    ):

        def noisy(pdu: bytes) -> list[bytes]:
            script.raw(b"\x00\xff\x01\x04" + rtu.encode_frame(2, held(99.0)))
            return honest(pdu)

        script.answer = noisy
        await more(log, "a", "b")
        script.answer = lambda pdu: (
            [] if script.raw(bytes(damaged)) is None and pdu == READ_A else honest(pdu)
        )
        await eventually(lambda: reasons(log, "bytes came that are no response to it"), "a bad sample of a")
        script.answer = honest
        await more(log, "a", "b")
    the_same(path, log)


async def test_on_a_line_a_late_answer_is_not_taken_for_the_next_here_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    async with (
        rtu_script(tmp_path, "&timeout=0.1") as (script, device),
        recorded(path, PAIR, device.wire) as log,
    ):
        await more(log, "a", "b")
        script.answer = in_turn(script, lambda pdu: 0.15 if pdu == READ_A else 0.001)
        await eventually(lambda: len(reasons(log, "no answer within")) >= 3, "timeouts of a")
        await more(log, "b")
    the_same(path, log)


async def test_on_a_line_the_backlog_of_a_halted_device_is_passed_over_here_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    async with (
        rtu_script(tmp_path, "&timeout=0.1") as (script, device),
        recorded(path, PAIR, device.wire) as log,
    ):
        await more(log, "a", "b")
        script.answer = lambda pdu: []
        await eventually(lambda: "offline" in log.kinds(), "offline")
        one_by_one = in_turn(script, lambda pdu: 0.01)

        def resumed(pdu: bytes) -> list[bytes]:
            for each in [READ_A, READ_B, READ_A, READ_B, pdu]:
                one_by_one(each)
            script.answer = one_by_one
            return []

        script.answer = resumed
        await eventually(lambda: log.kinds().count("online") == 2, "online again")
        await more(log, "a", "b")
    the_same(path, log)


# SCPI ---------------------------------------------------------------------------------------------


def instrument(answer: Callable[[str], str | None]) -> Callable[[PtyEnd, bytes], None]:
    """Return the far end of an instrument that answers each line by `answer` (None: not at all)."""

    def received(port: PtyEnd, data: bytes) -> None:
        for line in data.decode().splitlines():
            text = answer(line)
            if text is not None:
                port.write(text.encode() + b"\n")

    return received


HONEST = {"*IDN?": "ACME,CL-2,1,1", "TEMP?": "21.5", "HUM?": "40", "SYST:ERR?": '0,"No error"'}


async def test_readings_beside_settings_decode_to_the_very_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    with far_end(instrument(HONEST.get)) as port:
        async with recorded(path, CLIMATE, f"serial://{port.path}") as log:
            await more(log, "temperature", "humidity")
            command = log.command("setpoint", 30.0)
            await eventually(lambda: not command.pending, "the outcome")
            assert command.outcome is Outcome.ACKNOWLEDGED
            await more(log, "temperature", "humidity")
    the_same(path, log)


@pytest.mark.parametrize("text", ["hello", "9.91E37", "9.9E37", "x" * 5000, "\xff\xfe", ""])
async def test_answers_without_a_number_are_decoded_as_they_were_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.session"
    wrong = {**HONEST, "TEMP?": text}
    with far_end(instrument(wrong.get)) as port:
        async with recorded(path, CLIMATE, f"serial://{port.path}") as log:
            await eventually(lambda: reasons(log, "TEMP?: "), "a bad sample")
            await more(log, "humidity")
    the_same(path, log)


async def test_late_answers_are_no_readings_here_as_well(tmp_path: Path) -> None:
    held_back: list[str] = []
    asked = 0

    def answer(line: str) -> str | None:
        nonlocal asked
        if line == "TEMP?":
            asked += 1
            if asked % 3 == 0:  # this one comes late: behind the next question, before its answer
                held_back.append("77.7")
                return None
        text = HONEST.get(line)
        return f"{held_back.pop()}\n{text}" if held_back and text is not None else text

    path = tmp_path / "a.session"
    with far_end(instrument(answer)) as port:
        async with recorded(path, CLIMATE, f"serial://{port.path}") as log:
            await eventually(lambda: asked >= 10, "three late answers")
            await more(log, "humidity")
    the_same(path, log)
    assert 77.7 not in {sample.value for sample in log.samples}
    assert decoded(path).devices["dut"].not_from_bytes >= 3


async def test_what_comes_out_of_step_before_the_identity_is_dropped_here_as_well(tmp_path: Path) -> None:
    spoilt = 0

    def answer(line: str) -> str | None:
        nonlocal spoilt
        if line == "TEMP?":
            spoilt += 1
            if spoilt % 4 == 2:
                return "+2.1~\n777"
        return HONEST.get(line)

    path = tmp_path / "a.session"
    with far_end(instrument(answer)) as port:
        async with recorded(path, CLIMATE, f"serial://{port.path}") as log:
            await eventually(lambda: spoilt > 8, "two spoilt answers")
            await more(log, "temperature", "humidity")
    the_same(path, log)
    assert 777.0 not in {sample.value for sample in log.samples}


@pytest.mark.parametrize(
    ("profile", "wire", "signal"),
    [
        ("scpi/thermometer", "serial:///dev/ttyUSB0?baud=115200", "temperature"),
        ("modbus/thermal-chamber", "modbus+rtu:///dev/ttyUSB1?unit=3&timeout=0.2", "temperature"),
        ("modbus/thermal-chamber", "modbus+tcp://127.0.0.1:502?unit=1&timeout=0.2", "temperature"),
    ],
    ids=["scpi", "modbus-rtu", "modbus-tcp"],
)
async def test_an_emulated_device_that_is_unplugged_and_comes_back_is_decoded_on_both_sides(
    profile: str, wire: str, signal: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.session"
    async with emulate(make_device(profile, wire)) as emulated:
        emulated["dut"].store.set(signal, 21.25)
        async with recorded(path, profile, emulated["dut"].device.wire) as log:
            await more(log, signal)
            emulated.plugs["dut"].unplug()
            await eventually(lambda: "offline" in log.kinds(), "the loss")
            emulated.plugs["dut"].plug()
            emulated["dut"].store.set(signal, -4.5)
            await eventually(lambda: log.kinds().count("online") == 2, "online again", within=20)
            await more(log, signal)
    the_same(path, log)
    assert {sample.value for sample in log.good(signal)} == {21.25, -4.5}
    assert {frame[1] for frame in log.frames} == {Direction.RX, Direction.TX}
