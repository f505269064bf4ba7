"""The Modbus driver against pymodbus' own servers, and against devices that misbehave."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hil_tests.support import DriverLog, eventually, make_device, run_driver
from hil_tests.support.modbus_scripts import (
    PAIR,
    READ_A,
    READ_B,
    A,
    B,
    Script,
    TcpScript,
    held,
    honest,
    in_turn,
    profile_of,
    rtu_script,
    tcp_script,
)
from testbed.bench.problems import BenchFileError
from testbed.clock import SystemClock
from testbed.drivers import LinkState, driver_class
from testbed.errors import UsageError
from testbed.links import Direction, PtyEnd
from testbed.protocols.modbus import rtu, tcp
from testbed.signals import Outcome, Priority, Quality, Sample

scripts = pytest.mark.parametrize("script_on", [tcp_script, rtu_script], ids=["tcp", "rtu"])


async def both_good(log: DriverLog) -> None:
    seen = len(log.good("a")), len(log.good("b"))
    await eventually(lambda: len(log.good("a")) > seen[0] and len(log.good("b")) > seen[1], "good samples")


def reasons(log: DriverLog, signal: str) -> list[str]:
    return [sample.reason for sample in log.of(signal, Quality.BAD)]


# Against pymodbus' servers ----------------------------------------------------------------------------


def simulated() -> SimDevice:
    return SimDevice(
        id=1,
        simdata=(
            [SimData(0, count=16, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, values=[False, True] + [False] * 14, datatype=DataType.BITS)],
            [SimData(0, count=10, values=0, datatype=DataType.REGISTERS)],
            [
                SimData(0, values=41.25, datatype=DataType.FLOAT32),
                SimData(2, values=-35, datatype=DataType.INT16),
            ],
        ),
    )


async def chamber_behaves(log: DriverLog, server: Any) -> None:
    """The shipped profile reads and drives pymodbus' device."""
    await eventually(
        lambda: all(
            log.good(n) for n in ("temperature", "load_temperature", "door_open", "over_temperature")
        ),
        "samples of every signal",
    )
    assert log.good("temperature")[-1].value == 41.25
    assert log.good("load_temperature")[-1].value == pytest.approx(-3.5)
    assert (log.good("door_open")[-1].value, log.good("over_temperature")[-1].value) == (0.0, 1.0)
    wanted = {"heater_duty": 37.5, "setpoint": -12.5, "heater_enable": 1.0}
    commands = [log.command(name, value) for name, value in wanted.items()]
    await eventually(lambda: not any(command.pending for command in commands), "outcomes")
    assert [(command.outcome, command.reason) for command in commands] == [(Outcome.ACKNOWLEDGED, "")] * 3
    registers = await server.async_getValues(1, 3, 0, 3)
    assert struct.unpack(">fh", struct.pack(">3H", *registers)) == (37.5, -125)
    assert (await server.async_getValues(1, 1, 0, 1))[0]


@contextlib.asynccontextmanager
async def pymodbus_tcp(port: int) -> AsyncIterator[Any]:
    server = ModbusTcpServer(simulated(), address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield server
    finally:
        await server.shutdown()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("options", ["", "&inflight=1"], ids=["as it comes", "one at a time"])
async def test_pymodbus_server_on_tcp_is_read_and_driven(options: str) -> None:
    """Without inflight=1 too, though this server loses all but the last of requests that come together."""
    port = free_port()
    device = make_device("modbus/thermal-chamber", f"modbus+tcp://127.0.0.1:{port}?unit=1{options}")
    async with pymodbus_tcp(port) as server, run_driver(device) as log:
        await chamber_behaves(log, server)


async def test_a_server_that_goes_away_and_comes_back_is_offline_and_then_good_again() -> None:
    port = free_port()
    device = make_device("modbus/thermal-chamber", f"modbus+tcp://127.0.0.1:{port}?unit=1")
    async with contextlib.AsyncExitStack() as stack:
        async with pymodbus_tcp(port):
            log = await stack.enter_async_context(run_driver(device))
            await eventually(lambda: log.good("temperature"), "a first sample")
        await eventually(lambda: "offline" in log.kinds(), "the loss noticed")
        assert log.of("temperature")[-1].quality is Quality.BAD
        assert log.of("temperature")[-1].reason.startswith("offline: ")
        async with pymodbus_tcp(port):
            await eventually(lambda: log.of("temperature")[-1].quality is Quality.GOOD, "good again", 20)
            assert [kind for kind in log.kinds() if kind != "overrun"] == ["online", "offline", "online"]


async def test_pymodbus_server_on_a_line_is_read_and_driven(tmp_path: Path) -> None:
    clock = SystemClock()
    # Two ptys back to back are a cable between two serial ports.
    near = PtyEnd(tmp_path / "near", clock, lambda time_ns, data: far.write(data))
    far = PtyEnd(tmp_path / "far", clock, lambda time_ns, data: near.write(data))
    near.plug()
    far.plug()
    server = ModbusSerialServer(simulated(), port=str(far.path), baudrate=115200)
    await server.serve_forever(background=True)
    try:
        wire = f"modbus+rtu://{near.path}?unit=1&baud=115200&parity=N"
        async with run_driver(make_device("modbus/thermal-chamber", wire)) as log:
            await chamber_behaves(log, server)
    finally:
        await server.shutdown()
        near.unplug()
        far.unplug()
        clock.close()


# Answers that are wrong -------------------------------------------------------------------------------


@scripts
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (bytes.fromhex("84 02"), "reading input 10 to 11: the device refused: illegal data address"),
        (held(float("nan")), "the device sent nan in input 10 to 11"),
        (held(float("inf")), "the device sent inf in input 10 to 11"),
    ],
)
async def test_an_answer_without_a_value_is_a_bad_sample_and_the_link_stays(
    script_on: Any, wrong: bytes, says: str, tmp_path: Path
) -> None:
    async with script_on(tmp_path) as (script, device), run_driver(device) as log:
        await both_good(log)
        script.answer = lambda pdu: [wrong] if pdu == READ_B else honest(pdu)
        await eventually(lambda: len(reasons(log, "b")) >= 4, "bad samples of b")
        assert all(says in reason for reason in reasons(log, "b"))
        script.answer = honest
        await both_good(log)
        assert (log.kinds(), reasons(log, "a")) == (["online"], [])


@pytest.mark.parametrize("wrong", ["04 02 3FC0", "03 04 3FC00000", "04 04 3FC0", "83 02", "04"])
async def test_on_tcp_a_malformed_answer_is_a_bad_sample_and_the_link_stays(
    wrong: str, tmp_path: Path
) -> None:
    async with tcp_script(tmp_path) as (script, device), run_driver(device) as log:
        script.answer = lambda pdu: [bytes.fromhex(wrong)] if pdu == READ_B else honest(pdu)
        await eventually(lambda: len(reasons(log, "b")) >= 4, "bad samples of b")
        assert all("malformed response" in reason for reason in reasons(log, "b"))
        await eventually(lambda: len(log.good("a")) >= 4, "good samples of a")
        assert log.kinds() == ["online"]


async def test_on_tcp_an_answer_of_another_unit_is_malformed(tmp_path: Path) -> None:
    async with tcp_script(tmp_path) as (script, device), run_driver(device) as log:
        script.unit = 9
        await eventually(lambda: reasons(log, "a"), "a bad sample")
        assert "from unit 9, expected unit 1" in reasons(log, "a")[0]


async def test_on_tcp_what_is_no_modbus_drops_the_link_by_name(tmp_path: Path) -> None:
    async with tcp_script(tmp_path) as (script, device), run_driver(device) as log:
        script.raw(b"HTTP/1.1 400 Bad Request\r\n")
        await eventually(lambda: "offline" in log.kinds(), "the link dropped")
        offline = next(event for event in log.events if event.kind == "offline")
        assert "this is not Modbus/TCP: protocol id 0x5450" in offline.text
        assert str(device.wire) in offline.text


async def test_on_a_line_garbage_and_broken_answers_are_stepped_over(tmp_path: Path) -> None:
    async with rtu_script(tmp_path, "&timeout=0.1") as (script, device), run_driver(device) as log:
        damaged = bytearray(rtu.encode_frame(1, held(A)))
        damaged[4] ^= 0x10

        def noisy(pdu: bytes) -> list[bytes]:
            script.raw(b"\x00\xff\x01\x04" + rtu.encode_frame(2, held(99.0)))
            return honest(pdu)

        script.answer = noisy
        await both_good(log)
        await both_good(log)
        script.answer = lambda pdu: (
            [] if script.raw(bytes(damaged)) is None and pdu == READ_A else honest(pdu)
        )
        await eventually(lambda: reasons(log, "a"), "a bad sample of a")
        script.answer = honest
        await both_good(log)
        first = reasons(log, "a")[0]
        assert "no answer within" in first
        assert "bytes came that are no response to it: 01 04" in first
        assert {sample.value for sample in log.good("a")} == {A}


# Answers too late, twice, or never -----------------------------------------------------------------------


async def test_on_tcp_late_and_double_answers_are_nobodys(tmp_path: Path) -> None:
    async with tcp_script(tmp_path, "&timeout=0.1") as (script, device), run_driver(device) as log:
        await both_good(log)
        script.answer = lambda pdu: [] if pdu == READ_B else [held(A), held(77.0)]
        await eventually(lambda: reasons(log, "b"), "a timeout of b")
        late = next(number for number, _, pdu in reversed(script.requests) if pdu == READ_B)
        script.answer = honest
        await both_good(log)
        script.raw(tcp.encode_frame(late, 1, held(88.0)) * 2)
        await both_good(log)
        assert {sample.value for sample in log.good("a")} == {A}
        assert {sample.value for sample in log.good("b")} == {B}
        assert "offline" not in log.kinds(), "a device that answers others is not lost"


async def test_on_a_line_a_late_answer_is_not_taken_for_the_next(tmp_path: Path) -> None:
    """Given a device that answers `a` after the timeout, and only then `b`, which looks the same."""
    async with rtu_script(tmp_path, "&timeout=0.1") as (script, device), run_driver(device) as log:
        await both_good(log)
        slowly = in_turn(script, lambda pdu: 0.15 if pdu == READ_A else 0.001)

        script.answer = slowly
        await eventually(lambda: len(reasons(log, "a")) >= 5, "timeouts of a")
        await eventually(lambda: len(log.good("b")) >= 5, "samples of b")
        assert {sample.value for sample in log.good("b")} == {B}
        assert log.kinds() == ["online"], "the late answers show that the device is there"


async def test_on_a_line_a_device_that_answers_all_it_was_ever_asked_is_not_mistaken(tmp_path: Path) -> None:
    """Given a device that was halted, and answers its backlog one by one when it goes on."""
    async with rtu_script(tmp_path, "&timeout=0.1") as (script, device), run_driver(device) as log:
        await both_good(log)
        backlog: list[bytes] = []

        def halted(pdu: bytes) -> list[bytes]:
            backlog.append(pdu)
            return []

        script.answer = halted
        await eventually(lambda: "offline" in log.kinds(), "offline")
        one_by_one = in_turn(script, lambda pdu: 0.01)

        def resumed(pdu: bytes) -> list[bytes]:
            for each in [*backlog, READ_B, READ_A, READ_B, READ_A, READ_B, pdu]:
                one_by_one(each)
            script.answer = one_by_one
            return []

        script.answer = resumed
        await eventually(lambda: log.kinds().count("online") == 2, "online again")
        await both_good(log)
        await both_good(log)
        assert {sample.value for sample in log.good("a")} == {A}
        assert {sample.value for sample in log.good("b")} == {B}


@scripts
async def test_three_requests_without_an_answer_and_the_device_is_lost(
    script_on: Any, tmp_path: Path
) -> None:
    async with script_on(tmp_path, "&timeout=0.1") as (script, device), run_driver(device) as log:
        await both_good(log)
        script.answer = lambda pdu: []
        command = log.command("power", 1.0)
        await eventually(lambda: "offline" in log.kinds(), "the loss noticed")
        offline = next(event for event in log.events if event.kind == "offline")
        assert "3 requests in a row were not answered" in offline.text
        assert command.outcome is Outcome.FAILED
        assert command.reason
        assert any("reading input 0 to 1: no answer within 0.1" in reason for reason in reasons(log, "a"))
        script.answer = honest
        await eventually(lambda: log.kinds().count("online") == 2, "online again")
        await both_good(log)


@scripts
async def test_a_device_that_never_answers_is_never_online(script_on: Any, tmp_path: Path) -> None:
    async with script_on(tmp_path, "&timeout=0.05") as (script, device):
        script.answer = lambda pdu: []
        async with run_driver(device, wait_online=False) as log:
            await eventually(lambda: "offline" in log.kinds(), "the attempt given up")
            text = log.events[0].text
            assert log.kinds() == ["offline"]
            assert "unit 1 does not answer a read of input 0 to 1: no answer within" in text
            assert "check the unit id" in text


async def test_a_gateway_without_its_device_is_no_device(tmp_path: Path) -> None:
    async with tcp_script(tmp_path) as (script, device):
        script.answer = lambda pdu: [bytes((pdu[0] | 0x80, 0x0B))]
        async with run_driver(device, wait_online=False) as log:
            await eventually(lambda: "offline" in log.kinds(), "the attempt given up")
            assert "gateway target device failed to respond" in log.events[0].text


async def test_a_device_that_refuses_the_first_read_is_online_all_the_same(tmp_path: Path) -> None:
    async with tcp_script(tmp_path) as (script, device):
        script.answer = lambda pdu: [b"\x84\x02"] if pdu == READ_A else honest(pdu)
        async with run_driver(device) as log:
            await eventually(lambda: log.good("b") and reasons(log, "a"), "samples")


# Several in flight, priorities -----------------------------------------------------------------------------


async def test_on_tcp_answers_may_come_in_any_order(tmp_path: Path) -> None:
    async with tcp_script(tmp_path) as (script, device), run_driver(device) as log:
        await both_good(log)
        script.answer = lambda pdu: []
        script.requests.clear()
        await eventually(lambda: {pdu for _, _, pdu in script.requests} >= {READ_A, READ_B}, "both in flight")
        script.answer = honest
        for number, unit, pdu in reversed(script.requests[:2]):
            script.raw(tcp.encode_frame(number, unit, honest(pdu)[0]))
        await both_good(log)
        assert (reasons(log, "a"), reasons(log, "b"), log.kinds()) == ([], [], ["online"])
        assert {sample.value for sample in log.good("b")} == {B}


def with_room_for_one(script: Script) -> Callable[[bytes], list[bytes]]:
    """A device in which the next request takes the place of one that is not answered yet."""
    loop = asyncio.get_running_loop()
    room: list[tuple[int, int, bytes]] = []

    def answer(pdu: bytes) -> list[bytes]:
        assert isinstance(script, TcpScript)
        if not room:
            loop.call_later(0.005, respond)
        room[:] = [script.requests[-1]]
        return []

    def respond() -> None:
        number, _, pdu = room.pop()
        script.raw(tcp.encode_frame(number, 1, honest(pdu)[0]))

    return answer


async def test_a_device_with_room_for_one_gets_one_at_a_time_and_stays_online(tmp_path: Path) -> None:
    async with tcp_script(tmp_path, "&timeout=0.1") as (script, device):
        script.answer = with_room_for_one(script)
        async with run_driver(device) as log:
            await eventually(lambda: "overrun" in log.kinds(), "the loss noticed")
            await both_good(log)
            lost = len(reasons(log, "a")) + len(reasons(log, "b"))
            await eventually(lambda: len(log.good("a")) > 10 and len(log.good("b")) > 10, "good samples")
            assert len(reasons(log, "a")) + len(reasons(log, "b")) == lost, "nothing is lost any more"
            assert log.kinds() == ["online", "overrun"], "it is told once"
            text = log.events[-1].text
            assert "one at a time" in text
            assert f"add inflight=1 to {device.wire}" in text


async def test_a_wire_that_says_how_many_are_in_flight_is_believed(tmp_path: Path) -> None:
    async with tcp_script(tmp_path, "&timeout=0.1&inflight=2") as (script, device):
        script.answer = lambda pdu: [] if pdu == READ_B else honest(pdu)
        async with run_driver(device) as log:
            await eventually(lambda: len(reasons(log, "b")) >= 4, "timeouts of b")
            await eventually(lambda: len(log.good("a")) >= 4, "good samples of a")
            assert log.kinds() == ["online"]


async def test_on_tcp_no_more_are_in_flight_than_the_wire_allows(tmp_path: Path) -> None:
    async with tcp_script(tmp_path, "&inflight=1") as (script, device), run_driver(device) as log:
        await both_good(log)
        script.answer = lambda pdu: []
        script.requests.clear()
        commands = [log.command("mode", float(number)) for number in range(5)]
        await eventually(lambda: script.requests, "one request")
        assert [command.sent_ns != 0 for command in commands].count(True) <= 1
        assert len(log.driver._line.arbiter.in_flight) == 1  # type: ignore[union-attr]
        number, unit, pdu = script.requests[-1]
        script.answer = honest
        script.raw(tcp.encode_frame(number, unit, honest(pdu)[0]))
        await eventually(lambda: not any(command.pending for command in commands), "all outcomes")
        assert {command.outcome for command in commands} == {Outcome.ACKNOWLEDGED}


@pytest.mark.parametrize(("script_on", "options"), [(tcp_script, "&inflight=1"), (rtu_script, "")])
async def test_a_safe_write_goes_before_all_that_waits(script_on: Any, options: str, tmp_path: Path) -> None:
    async with script_on(tmp_path, options) as (_, device), run_driver(device) as log:
        await both_good(log)
        busy = log.command("power", 50.0)
        waiting = [log.command("mode", float(number)) for number in range(3)]
        safe = log.command("pump", 0.0, Priority.SAFE)
        commands = [busy, *waiting, safe]
        await eventually(lambda: not any(command.pending for command in commands), "all outcomes")
        assert {command.outcome for command in commands} == {Outcome.ACKNOWLEDGED}
        assert safe.sent_ns < waiting[0].sent_ns
        assert [command.sent_ns for command in waiting] == sorted(command.sent_ns for command in waiting)


async def test_a_command_caused_by_a_sample_leaves_within_the_turn_that_brought_it(tmp_path: Path) -> None:
    async with tcp_script(tmp_path) as (_, device), run_driver(device) as log:
        await both_good(log)
        assert log.driver is not None
        sent: list[bool] = []

        def react(sample: Sample) -> None:
            log.samples.append(sample)
            if sample.signal == device.signals["a"].id and not sent:
                command = log.command("power", sample.value)
                sent.append(command.sent_ns >= sample.time_ns)

        poll_publish = [ticker._callback.__self__ for ticker in log.driver._tickers]  # type: ignore[attr-defined]
        for poll in poll_publish:
            poll._readings._publish = react
        await eventually(lambda: sent, "a reaction")
        assert sent == [True]


# Commands ---------------------------------------------------------------------------------------------------


@scripts
async def test_a_command_is_refused_by_the_exceptions_name(script_on: Any, tmp_path: Path) -> None:
    async with script_on(tmp_path) as (script, device), run_driver(device) as log:
        script.answer = lambda pdu: [bytes((pdu[0] | 0x80, 4))] if pdu[0] != 4 else honest(pdu)
        commands = [log.command("power", 1.0), log.command("mode", 1.0), log.command("pump", 1.0)]
        await eventually(lambda: not any(command.pending for command in commands), "outcomes")
        for command in commands:
            assert command.outcome is Outcome.FAILED
            assert command.reason == "the device refused: server device failure (exception 4)"


@pytest.mark.parametrize("echo", ["10 0001 0002", "10 0000 0001", "06 0000 0002"])
async def test_on_tcp_a_wrong_echo_is_no_acknowledgement(echo: str, tmp_path: Path) -> None:
    async with tcp_script(tmp_path) as (script, device), run_driver(device) as log:
        script.answer = lambda pdu: [bytes.fromhex(echo)] if pdu[0] == 16 else honest(pdu)
        command = log.command("power", 1.0)
        await eventually(lambda: not command.pending, "an outcome")
        assert command.outcome is Outcome.FAILED
        assert "malformed response" in command.reason


@scripts
async def test_a_command_without_an_answer_fails_and_says_so(script_on: Any, tmp_path: Path) -> None:
    async with script_on(tmp_path, "&timeout=0.1") as (script, device), run_driver(device) as log:
        script.answer = lambda pdu: [] if pdu[0] == 16 else honest(pdu)
        command = log.command("power", 1.0)
        await eventually(lambda: not command.pending, "an outcome")
        assert command.outcome is Outcome.FAILED
        assert "no answer within 0.1" in command.reason
        assert command.sent_ns > 0


@scripts
async def test_a_value_that_does_not_fit_never_reaches_the_wire(script_on: Any, tmp_path: Path) -> None:
    async with script_on(tmp_path) as (script, device), run_driver(device) as log:
        command = log.command("mode", 40000.0)
        assert (command.outcome, command.sent_ns) == (Outcome.FAILED, 0)
        assert "40000.0 does not fit int16" in command.reason
        assert log.command("a", 1.0).outcome is Outcome.FAILED, "an input takes no commands"
        assert all(pdu[0] == 4 for pdu in script.asked)


async def test_a_device_that_is_only_told_is_still_missed_when_it_goes(tmp_path: Path) -> None:
    text = "profile: relay\nprotocol: modbus\nsignals:\n  pump: {coil: 0, access: write, safe: 0}\n"
    async with tcp_script(tmp_path, "&timeout=0.1", text) as (script, device), run_driver(device) as log:
        command = log.command("pump", 1.0)
        await eventually(lambda: command.outcome is Outcome.ACKNOWLEDGED, "an acknowledgement")
        assert log.samples == []
        script.answer = lambda pdu: []
        await eventually(lambda: "offline" in log.kinds(), "the silence noticed")


# The tap, the start, the end --------------------------------------------------------------------------


@scripts
async def test_the_tap_sees_the_bytes_of_both_directions(script_on: Any, tmp_path: Path) -> None:
    async with script_on(tmp_path) as (_, device), run_driver(device) as log:
        await both_good(log)
        sent = b"".join(data for _, direction, data in log.frames if direction is Direction.TX)
        came = b"".join(data for _, direction, data in log.frames if direction is Direction.RX)
        assert READ_A in sent
        assert READ_B in sent
        assert held(A) in came


@scripts
async def test_cancelled_while_the_device_is_silent_it_ends_at_once(script_on: Any, tmp_path: Path) -> None:
    async with script_on(tmp_path, "&timeout=30") as (script, device):
        script.answer = lambda pdu: []
        async with run_driver(device, wait_online=False) as log:
            await eventually(lambda: script.asked, "the greeting")
            assert log.driver is not None
            assert log.driver.state is LinkState.CONNECTING
        assert log.driver.state is LinkState.CLOSED


def test_a_wrong_profile_or_wire_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    make = driver_class("modbus")
    context = DriverLog(None).context()  # type: ignore[arg-type]  # no time passes here
    with pytest.raises(BenchFileError, match="needs a type"):
        make(make_device(profile_of(tmp_path, PAIR.replace("type: int16, ", "")), "modbus+tcp://h"), context)
    with pytest.raises(UsageError, match="unknown option 'uint'"):
        make(make_device(profile_of(tmp_path), "modbus+tcp://h?uint=1"), context)
