"""The contract, and what is SCPI's own: identity, staying in step, the error queue."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from hil_tests.support import DriverLog, emulate, eventually, make_device, run_driver
from hil_tests.support.far_end import far_end
from hil_tests.support.profiles import profile_of
from testbed.bench.device import Device
from testbed.bench.profile import Profile, SignalSpec
from testbed.clock import SystemClock
from testbed.drivers import LinkState
from testbed.drivers.scpi import ScpiDriver
from testbed.errors import UsageError
from testbed.links import PtyEnd
from testbed.signals import Command, Outcome, Quality
from testbed.testing.contract import CommandContract, DriverContract

_SUPPLY = profile_of("""
profile: test/power-supply
protocol: scpi
identity: "ACME,PS-1,42,1.0"
timeout: 0.3 s
signals:
  output_voltage: {query: "MEASure:VOLTage?", unit: V, rate: 50 Hz}
  voltage: {set: "SOURce:VOLTage {value}", unit: V, access: write, limits: [0, 30], safe: 0}
  channel_two: {set: "SOURce2:VOLTage CH2,{value:.3f}", unit: V, access: write, limits: [0, 30], safe: 0}
""")

_CLIMATE = profile_of("""
profile: test/climate
protocol: scpi
timeout: 0.1 s
signals:
  temperature: {query: "TEMP?", unit: degC, rate: 40 Hz}
  humidity: {query: "HUM?", unit: "%", rate: 40 Hz}
""")

_SCOPE = profile_of("""
profile: test/scope
protocol: scpi
timeout: 0.3 s
signals:
  level: {query: "CURVe?", block: {type: int16, take: mean, scale: 0.01}, unit: V, rate: 50 Hz}
""")

_WIRE = "serial:///dev/ttyUSB0?baud=115200"


class TestThermometer(DriverContract):
    profile = "scpi/thermometer"
    wire = _WIRE
    readable, value = "temperature", 21.5
    absent = "serial:///nowhere/ttyUSB0?baud=115200"


class TestScope(DriverContract):
    """An instrument that answers with a waveform."""

    profile = _SCOPE
    wire = _WIRE
    readable, value = "level", 3.14
    absent = "serial:///nowhere/ttyUSB0?baud=115200"


class TestPowerSupply(CommandContract):
    profile = _SUPPLY
    wire = _WIRE
    readable, value = "output_voltage", 12.000125
    writable, wanted = "voltage", 3.3
    absent = "serial:///nowhere/ttyUSB0?baud=115200"


class TestPowerSupplyBehindAConverter(TestPowerSupply):
    """The same over a socket on which a converter passes on the bytes of its port."""

    wire = "socket://10.0.0.7:4001"
    absent = "socket://127.0.0.1:1"


class TestPowerSupplyAtAnAccessServer(TestPowerSupply):
    """The same at a server that sets its port as it is told."""

    wire = "rfc2217://10.0.0.7:4001?baud=9600&dtr=off"
    absent = "rfc2217://127.0.0.1:1"


def instrument(answer: Callable[[str], str | None]) -> Callable[[PtyEnd, bytes], None]:
    """Return the far end of an instrument that answers each line by `answer` (None: not at all)."""

    def received(port: PtyEnd, data: bytes) -> None:
        for line in data.decode().splitlines():
            text = answer(line)
            if text is not None:
                port.write(text.encode() + b"\n")

    return received


def at(port: PtyEnd, profile: Profile = _CLIMATE) -> Device:
    return make_device(profile, f"serial://{port.path}")


# Identity ---------------------------------------------------------------------------------------


async def test_given_the_right_instrument_then_its_identity_is_kept() -> None:
    async with emulate(make_device(_SUPPLY, _WIRE)) as emulated, run_driver(emulated["dut"].device) as log:
        assert isinstance(log.driver, ScpiDriver)
        assert log.driver.identity == "ACME,PS-1,42,1.0"


async def test_given_another_instrument_then_both_are_named_and_it_stays_offline() -> None:
    async with emulate(make_device(_SUPPLY, _WIRE)) as emulated:
        thermometer = make_device("scpi/thermometer", str(emulated["dut"].device.wire))
        async with run_driver(thermometer, wait_online=False) as log:
            await eventually(lambda: log.events, "the mismatch told")
            assert log.kinds() == ["offline"]
            assert "ACME,PS-1,42,1.0" in log.events[0].text
            assert "HIL-TESTBED TH-100" in log.events[0].text


async def test_given_late_answers_to_an_earlier_controller_then_none_is_taken_for_the_identity() -> None:
    def answer(line: str) -> str | None:
        return {"*IDN?": '+1.0E+00\n0,"No error"\n\nACME,CL-2,1,1', "TEMP?": "1", "HUM?": "2"}.get(line)

    with far_end(instrument(answer)) as port:
        async with run_driver(at(port)) as log:
            assert isinstance(log.driver, ScpiDriver)
            assert log.driver.identity == "ACME,CL-2,1,1"


async def test_given_an_instrument_that_starts_slowly_then_it_is_asked_again() -> None:
    asked: list[str] = []

    def answer(line: str) -> str | None:
        asked.append(line)
        return {"*IDN?": "ACME,CL-2,1,1", "TEMP?": "1", "HUM?": "2"}.get(line) if len(asked) > 1 else None

    with far_end(instrument(answer)) as port:
        async with run_driver(at(port)) as log:
            await eventually(lambda: len(asked) >= 3, "what it is told once it answers")
            assert asked[:3] == ["*IDN?", "*IDN?", "*CLS"]
            assert log.kinds() == ["online"]


async def test_given_a_cut_while_it_waits_for_the_identity_then_the_loss_is_told_at_once() -> None:
    with far_end(lambda port, data: port.unplug()) as port:
        async with run_driver(at(port), wait_online=False) as log:
            await eventually(lambda: log.events, "the loss told", within=3)
            assert "before *IDN?" in log.events[0].text


# In step ----------------------------------------------------------------------------------------


async def test_given_a_late_answer_then_it_is_never_taken_for_that_of_the_next_question() -> None:
    held: list[str] = []
    asked = 0

    def answer(line: str) -> str | None:
        nonlocal asked
        text = {"*IDN?": "ACME,CL-2,1,1", "TEMP?": "21.5", "HUM?": "40", "SYST:ERR?": '0,"No error"'}.get(
            line
        )
        if line == "TEMP?":
            asked += 1
            if asked % 3 == 0:  # this one comes late: behind the next question, before its answer
                held.append("21.5")
                return None
        if held and text is not None:
            text = f"{held.pop()}\n{text}"
        return text

    with far_end(instrument(answer)) as port:
        async with run_driver(at(port)) as log:
            await eventually(lambda: asked >= 10 and len(log.good("humidity")) >= 10, "three late answers")
            assert {sample.value for sample in log.good("temperature")} == {21.5}
            assert {sample.value for sample in log.good("humidity")} == {40.0}
            bad = log.of("temperature", Quality.BAD)
            assert bad
            assert all(sample.reason == "TEMP?: no answer within 0.1 s" for sample in bad)
            assert log.kinds() == ["online"]


async def test_given_an_answer_cut_in_two_by_noise_then_its_halves_are_not_two_answers() -> None:
    spoilt = False

    def answer(line: str) -> str | None:
        nonlocal spoilt
        if line == "TEMP?" and not spoilt:
            spoilt = True
            return "+2.1~\n777"
        return {"*IDN?": "ACME,CL-2,1,1", "TEMP?": "21.5", "HUM?": "40", "SYST:ERR?": '0,"No error"'}.get(
            line
        )

    with far_end(instrument(answer)) as port:
        async with run_driver(at(port)) as log:
            await eventually(lambda: len(log.good("humidity")) >= 3 and log.good("temperature"), "readings")
            assert [s.reason for s in log.of("temperature", Quality.BAD)] == ["TEMP?: '+2.1~' is no number"]
            assert 777.0 not in {sample.value for sample in log.samples}


async def test_given_the_second_half_of_a_cut_answer_after_the_next_question_then_it_is_dropped() -> None:
    held: list[str] = []
    spoilt = False

    def answer(line: str) -> str | None:
        nonlocal spoilt
        if line == "TEMP?" and not spoilt:
            spoilt = True
            held.append("777")
            return "+2.1~"
        text = {"*IDN?": "ACME,CL-2,1,1", "TEMP?": "21.5", "HUM?": "40", "SYST:ERR?": '0,"No error"'}.get(
            line
        )
        # Behind the question for its reason, which would only swallow it, comes the next reading.
        return f"{held.pop()}\n{text}" if held and line in ("HUM?", "*IDN?") else text

    with far_end(instrument(answer)) as port:
        async with run_driver(at(port)) as log:
            await eventually(
                lambda: spoilt and len(log.good("humidity")) >= 3 and len(log.good("temperature")) >= 3,
                "readings after the cut",
            )
            assert {sample.value for sample in log.good("temperature")} == {21.5}
            assert {sample.value for sample in log.good("humidity")} == {40.0}


async def test_given_three_questions_without_an_answer_then_the_instrument_is_offline_once() -> None:
    mute = False

    def answer(line: str) -> str | None:
        answers = {"*IDN?": "ACME,CL-2,1,1", "TEMP?": "21.5", "HUM?": "40", "SYST:ERR?": '0,"No error"'}
        return None if mute else answers.get(line)

    with far_end(instrument(answer)) as port:
        async with run_driver(at(port)) as log:
            await eventually(lambda: log.good("temperature"), "a reading")
            mute = True
            await eventually(lambda: "offline" in log.kinds(), "the silence noticed")
            assert "3 questions in a row" in log.events[-1].text
            mute = False
            await eventually(lambda: log.kinds() == ["online", "offline", "online"], "recovery", within=15)


async def test_given_any_noise_then_the_driver_lives_and_reads_again() -> None:
    noisy = True

    def received(port: PtyEnd, data: bytes) -> None:
        if noisy:
            port.write(bytes(range(256)) * 2)
        else:
            talk(port, data)

    talk = instrument({"*IDN?": "ACME,CL-2,1,1", "TEMP?": "1", "HUM?": "2", "SYST:ERR?": '0,"No error"'}.get)
    known = replace(_CLIMATE, options={"identity": "ACME,CL-2,1,1", "timeout": "0.1 s"})
    with far_end(received) as port:
        async with run_driver(at(port, known), wait_online=False) as log:
            await eventually(lambda: "offline" in log.kinds(), "noise is no identity", within=15)
            noisy = False
            await eventually(lambda: log.good("temperature"), "a reading", within=15)


# Answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "TEMP?: 'hello' is no number"),
        ("9.91E37", "TEMP?: the instrument has no value (9.91E37)"),
        ("9.9E37", "TEMP?: overload (9.9E37)"),
        ("x" * 5000, "TEMP?: a line longer than 4096 bytes came"),
    ],
)
async def test_given_no_finite_number_then_the_sample_is_bad_and_the_link_stays_up(
    text: str, reason: str
) -> None:
    answers = {"*IDN?": "ACME,CL-2,1,1", "TEMP?": text, "HUM?": "40", "SYST:ERR?": '-230,"Data stale"'}
    with far_end(instrument(answers.get)) as port:
        async with run_driver(at(port)) as log:
            await eventually(lambda: len(log.of("temperature", Quality.BAD)) >= 3, "bad samples")
            assert {sample.reason for sample in log.of("temperature")} == {reason}
            assert all(math.isnan(sample.value) for sample in log.of("temperature"))
            await eventually(lambda: log.good("humidity"), "the other signal")
            assert log.driver is not None
            assert log.driver.state is LinkState.ONLINE


async def test_given_a_query_that_the_instrument_does_not_know_then_its_own_error_is_told_once() -> None:
    async with emulate(make_device("scpi/thermometer", _WIRE)) as emulated:
        wrong = replace(_CLIMATE, options={"timeout": "0.1 s"})
        async with run_driver(make_device(wrong, str(emulated["dut"].device.wire))) as log:
            await eventually(lambda: len(log.of("humidity", Quality.BAD)) >= 4, "unanswered polls")
            told = [event.text for event in log.events if event.kind == "device-error"]
            assert "-113 Undefined header" in told[0]
            assert len(told) <= 2, "once for each signal"
            assert "offline" not in log.kinds(), "it still answers *IDN?"


# Settings ---------------------------------------------------------------------------------------


async def test_given_a_setting_out_of_range_then_it_fails_with_the_instruments_reason() -> None:
    async with emulate(make_device(_SUPPLY, _WIRE)) as emulated, run_driver(emulated["dut"].device) as log:
        refused, taken = log.command("voltage", 99.0), log.command("channel_two", 5.0)
        await eventually(lambda: not refused.pending and not taken.pending, "both outcomes")
        assert refused.outcome is Outcome.FAILED
        assert "-222 Data out of range" in refused.reason
        assert [event.kind for event in log.events] == ["online", "device-error"]
        assert taken.outcome is Outcome.ACKNOWLEDGED, "the error of one setting is not that of the next"
        assert emulated["dut"].store.read("channel_two") == 5.0


async def test_given_errors_from_polls_in_the_queue_then_a_good_setting_is_not_blamed_for_them() -> None:
    signals = {**_SUPPLY.signals, "unknown": SignalSpec.model_validate({"query": "FOO?", "rate": "50 Hz"})}
    asks_too_much = replace(_SUPPLY, signals=signals)
    async with emulate(make_device(_SUPPLY, _WIRE)) as emulated:
        device = make_device(asks_too_much, str(emulated["dut"].device.wire))
        async with run_driver(device) as log:
            # The first error is read and told; those after it stay in the instrument's queue.
            await eventually(lambda: len(log.of("unknown", Quality.BAD)) >= 3, "three unanswered polls")
            command = log.command("voltage", 5.0)
            await eventually(lambda: not command.pending, "the outcome")
            assert (command.outcome, command.reason) == (Outcome.ACKNOWLEDGED, "")


async def test_given_no_acknowledgement_then_the_setting_fails_in_time() -> None:
    answers = {"*IDN?": "ACME,PS-1,42,1.0", "MEASure:VOLTage?": "1"}
    with far_end(instrument(answers.get)) as port:
        async with run_driver(at(port, _SUPPLY)) as log:
            command = log.command("voltage", 5.0)
            await eventually(lambda: not command.pending, "the outcome", within=5)
            assert (command.outcome, command.reason) == (Outcome.FAILED, "dut: no answer within 0.3 s")


async def test_given_a_deadline_that_passes_while_it_waits_then_the_setting_expires_unsent() -> None:
    heard: list[str] = []

    def answer(line: str) -> str | None:
        heard.append(line)
        return {"*IDN?": "ACME,PS-1,42,1.0"}.get(line)

    with far_end(instrument(answer)) as port:
        async with run_driver(at(port, _SUPPLY)) as log:
            await eventually(lambda: "MEASure:VOLTage?" in heard, "a poll that stays open")
            assert log.driver is not None
            now = log.clock.now()
            voltage = log.driver.device.signals["voltage"].id
            command = Command(voltage, 5.0, "test", now, deadline_ns=now + 1_000_000)
            log.driver.submit(command)
            await eventually(lambda: not command.pending, "the outcome", within=5)
            assert command.outcome is Outcome.EXPIRED
            assert command.sent_ns == 0
            assert not [line for line in heard if line.startswith("SOUR")]


# The wire ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        ("serial:///dev/ttyUSB0?buad=9600", "did you mean 'baud'"),
        ("serial:///dev/ttyUSB0?baud=fast", "not a whole number"),
        ("serial:///dev/ttyUSB0?baud=0", "above 0"),
        ("serial:///dev/ttyUSB0?parity=X", "none of N, E, O"),
        ("serial:///dev/ttyUSB0?stop=3", "none of 1, 1.5, 2"),
        ("serial://dev/ttyUSB0", "three slashes"),
        ("serial://", "three slashes"),
    ],
)
async def test_given_a_wire_that_no_port_has_then_it_is_refused_before_anything_is_opened(
    wire: str, message: str
) -> None:
    clock = SystemClock()
    with pytest.raises(UsageError, match=message) as caught:
        ScpiDriver(make_device("scpi/thermometer", wire), DriverLog(clock).context())
    assert "dut" in str(caught.value)
    clock.close()
