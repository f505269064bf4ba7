from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.support import emulate, eventually, make_device
from hil_tests.support.profiles import profile_of
from testbed.clock import SystemClock
from testbed.emulators import EmulatedDevice, Store
from testbed.emulators.scpi import ScpiInstrument
from testbed.links import open_serial

_SUPPLY = profile_of("""
profile: test/power-supply
protocol: scpi
identity: "ACME,PS-1,42,1.0"
signals:
  output_voltage: {query: "MEASure:VOLTage?", unit: V}
  current: {query: "MEASure:CURRent? CH1", unit: A}
  voltage: {set: "SOURce:VOLTage {value}", unit: V, access: write, limits: [0, 30], safe: 1}
  output: {set: "OUTPut:STATe {value}", access: write, safe: 0}
""")


class Bench:
    """An instrument on a bench without a wire: lines in, lines out."""

    def __init__(self) -> None:
        device = make_device(_SUPPLY, "serial:///dev/ttyUSB0")
        self.store = Store(device)
        self._said: list[bytes] = []
        self._instrument = ScpiInstrument(EmulatedDevice(device, self.store), self._said.append)

    def hear(self, data: bytes) -> bytes:
        self._said.clear()
        self._instrument.received(0, data)
        return b"".join(self._said)

    def ask(self, message: str) -> str:
        return self.hear(message.encode() + b"\n").decode().removesuffix("\n")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_tells_who_it_is_and_which_scpi_it_speaks(bench: Bench) -> None:
    assert bench.ask("*IDN?") == "ACME,PS-1,42,1.0"
    assert bench.ask("SYSTem:VERSion?") == "1999.0"


@pytest.mark.parametrize("query", ["MEAS:VOLT?", "measure:voltage?", ":MEAS:VOLTage?", "MEAS:VOLT?\r"])
def test_it_answers_a_query_in_any_form_with_what_the_store_holds(bench: Bench, query: str) -> None:
    bench.store.set("output_voltage", 12.5)
    assert bench.ask(query) == "+1.25000000E+01"


@pytest.mark.parametrize(("value", "answer"), [(math.nan, "9.91E37"), (math.inf, "9.9E37")])
def test_given_no_finite_value_then_it_answers_as_scpi_says(bench: Bench, value: float, answer: str) -> None:
    bench.store.set("output_voltage", value)
    assert bench.ask("MEAS:VOLT?") == answer


def test_a_query_with_parameters_is_another_without_them(bench: Bench) -> None:
    assert bench.ask("MEAS:CURR? ch1") == "+0.00000000E+00"
    assert bench.ask("MEAS:CURR? CH2") == ""
    assert bench.ask("SYST:ERR?").startswith("-113,")


def test_chained_queries_are_answered_in_one_line_along_the_path(bench: Bench) -> None:
    bench.store.set("output_voltage", 1.0)
    bench.store.set("current", 2.0)
    assert bench.ask("MEAS:VOLT?;CURR? CH1;*OPC?;:SYST:ERR?") == (
        '+1.00000000E+00;+2.00000000E+00;1;0,"No error"'
    )


def test_a_setting_reaches_the_store_as_a_command(bench: Bench) -> None:
    written: list[tuple[str, float]] = []
    bench.store.watch(lambda name, value: written.append((name, value)))
    assert bench.ask("SOUR:VOLT 3.3;:OUTP:STAT ON") == ""
    assert written == [("voltage", 3.3), ("output", 1.0)]
    assert bench.ask("SYST:ERR?") == '0,"No error"'


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("FOO:BAR?", -113), ("SOUR:VOLT?", -113), ("MEAS:VOLT", -113), ("12 34", -102),
        ("SOUR::VOLT 1", -102), ("SOUR:VOLT", -109), ("SOUR:VOLT 1,2", -108), ("*RST 1", -108),
        ("SOUR:VOLT high", -104),
        ("SOUR:VOLT 31", -222), ("SOUR:VOLT -1", -222), ("SOUR:VOLT 9.91E37", -222), ("*ESE 256", -222),
        ("*ESE", -109), ("x" * 5000, -363),
    ],
)  # fmt: skip
def test_given_a_wrong_message_then_nothing_is_answered_or_set_and_the_queue_says_why(
    bench: Bench, message: str, code: int
) -> None:
    before = bench.store.read("voltage")
    assert bench.ask(message) == ""
    assert bench.ask("SYST:ERR?").startswith(f"{code},")
    assert bench.ask("SYST:ERR?") == '0,"No error"'
    assert bench.store.read("voltage") == before


def test_given_an_error_in_a_chain_then_what_follows_it_is_not_carried_out(bench: Bench) -> None:
    assert bench.ask("*OPC?;FOO?;*IDN?") == "1"
    assert bench.ask("SYST:ERR:NEXT?").startswith("-113,")


def test_the_event_register_says_what_happened_and_forgets_it(bench: Bench) -> None:
    assert bench.ask("*ESR?") == "128", "power on"
    bench.ask("FOO")
    bench.ask("SOUR:VOLT 99")
    bench.ask("*OPC")
    assert bench.ask("*ESR?") == str(32 + 16 + 1)
    assert bench.ask("*ESR?") == "0"


def test_clear_empties_the_queue_and_leaves_the_enable_registers(bench: Bench) -> None:
    bench.ask("*ESE 48;*SRE 32")
    bench.ask("FOO")
    assert bench.ask("*STB?") == str(4 + 32 + 64)
    bench.ask("*CLS")
    assert bench.ask("*STB?;:SYST:ERR?;*ESE?;*SRE?") == '0;0,"No error";48;32'


def test_reset_brings_every_setting_to_its_safe_value(bench: Bench) -> None:
    bench.ask("SOUR:VOLT 20;:OUTP:STAT 1")
    bench.ask("*RST;*WAI")
    assert (bench.store.read("voltage"), bench.store.read("output")) == (1.0, 0.0)
    assert bench.ask("*TST?") == "0"


@given(st.binary(max_size=300))
def test_whatever_is_said_it_lives_and_answers_the_next(noise: bytes) -> None:
    bench = Bench()
    bench.hear(noise + b"\n")
    assert bench.ask("*IDN?") == "ACME,PS-1,42,1.0"


async def test_each_device_has_a_port_named_after_it_that_can_be_pulled() -> None:
    names = ["left", "right"]
    devices = [make_device("scpi/thermometer", "serial:///dev/null", name) for name in names]
    clock = SystemClock()
    async with emulate(*devices) as emulated:
        for name in names:
            wire = emulated[name].device.wire
            assert wire.scheme == "serial"
            assert wire.path.endswith(f"/{name}")
            heard: list[bytes] = []
            lost: list[str] = []
            link = open_serial(
                wire.path, clock, received=lambda t, data, h=heard: h.append(data), lost=lost.append
            )
            link.write(b"*IDN?\n")
            await eventually(lambda h=heard: b"".join(h).endswith(b"\n"), "the identity")
            assert b"".join(heard) == b"HIL-TESTBED,TH-100,0001,1.0\n"
            emulated.plugs[name].unplug()
            await eventually(lambda gone=lost: gone, "the loss")
    clock.close()
