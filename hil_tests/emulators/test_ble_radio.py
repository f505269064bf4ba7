"""The virtual air in virtual time: distance, connection events, lost notifications, ATT errors."""

import asyncio
import contextlib
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from hil_tests.support import DriverLog, eventually, make_device
from testbed.bench.device import Device
from testbed.bench.problems import BenchFileError
from testbed.bench.profile import load_profile
from testbed.bench.wires import parse_wire
from testbed.clock import NS, VirtualClock, run_virtual
from testbed.drivers.ble import BleDriver
from testbed.emulators import EmulatedDevice, EmulatorContext, Store
from testbed.emulators.base import Breakable
from testbed.emulators.ble import serve
from testbed.emulators.ble.radio import Radio
from testbed.emulators.places import MemoryPlaces
from testbed.errors import UsageError
from testbed.links import Direction, Switchboard
from testbed.links.gatt_frames import AttOpcode, decode_frame
from testbed.protocols.gatt import characteristics, uuid128
from testbed.signals import Outcome, Quality

THERMOSTAT = load_profile(Path(__file__).parent / "ble_thermostat.yaml")


@dataclass
class Room:
    """Devices on one air, and a log of each one's driver."""

    clock: VirtualClock
    stores: dict[str, Store]
    breakables: dict[str, Breakable]
    logs: dict[str, DriverLog]

    async def online(self, *names: str) -> None:
        for name in names:
            await eventually(
                lambda name=name: self.logs[name].kinds()[-1:] == ["online"], f"{name} online", 60
            )


@contextlib.asynccontextmanager
async def room(clock: VirtualClock, *devices: Device) -> AsyncIterator[Room]:
    board, wires = Switchboard(), dict[str, str]()
    context = EmulatorContext(clock, random.Random(2), MemoryPlaces(board))
    emulated = [EmulatedDevice(device, Store(device)) for device in devices]
    tasks = [asyncio.create_task(serve(emulated, context, wires.__setitem__))]
    try:
        await eventually(lambda: len(wires) == len(devices), "the devices")
        logs = {}
        for device in devices:
            log = logs[device.name] = DriverLog(clock)
            reached = replace(device, wire=parse_wire(wires[device.name]))
            log.driver = BleDriver(reached, replace(log.context(), opener=board))
            tasks.append(asyncio.create_task(log.driver.run()))
        yield Room(clock, {each.device.name: each.store for each in emulated}, context.breakables, logs)
    finally:
        for task in reversed(tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def thermostat(wire: str = "ble://C0:FF:EE:00:00:01", name: str = "dut") -> Device:
    return make_device(THERMOSTAT, wire, name)


def in_the_room(check: Callable[[Room], Awaitable[None]], *devices: Device) -> None:
    async def main(clock: VirtualClock) -> None:
        async with room(clock, *(devices or (thermostat(),))) as found:
            await found.online(*found.logs)
            await check(found)

    run_virtual(main)


def notified(log: DriverLog, since_ns: int) -> list[float]:
    """Return when temperature was notified, in s since then."""
    temperature = uuid128(0x2A6E)
    return [
        (time_ns - since_ns) / NS
        for time_ns, way, data in log.frames
        if way is Direction.RX and time_ns >= since_ns
        for frame in [decode_frame(data)]
        if frame.opcode is AttOpcode.NOTIFICATION and frame.characteristic == temperature
    ]


# Distance -------------------------------------------------------------------------------------------


def test_a_device_that_is_far_is_heard_faintly() -> None:
    async def check(found: Room) -> None:
        (near,) = (sample.value for sample in found.logs["dut"].good("rssi"))
        await found.breakables["dut"].break_("weak-signal", {"rssi": -80})
        found.logs["dut"].driver.link_lost("to be found again")  # type: ignore[union-attr]
        await found.clock.sleep(1)
        await found.online("dut")
        assert near == pytest.approx(-50, abs=8)
        assert found.logs["dut"].good("rssi")[-1].value == pytest.approx(-80, abs=8)

    in_the_room(check)


def test_out_of_range_the_connection_is_lost_and_back_in_range_it_comes_again() -> None:
    async def check(found: Room) -> None:
        log, breakable = found.logs["dut"], found.breakables["dut"]
        await breakable.break_("weak-signal", {"rssi": -110})
        gone = found.clock.now()
        await found.clock.sleep(30)
        assert log.kinds() == ["online", "offline"]
        assert log.events[1].time_ns - gone < NS
        assert "no advertisement from C0:FF:EE:00:00:01" in log.of("battery", Quality.BAD)[-1].reason
        await breakable.mend("weak-signal")
        back = found.clock.now()
        await found.online("dut")
        assert log.events[2].time_ns - back < NS

    in_the_room(check)


def test_at_the_edge_of_the_range_some_advertisements_are_missed() -> None:
    air = Radio(random.Random(1)).air
    air.reception("C0:FF:EE:00:00:01").rssi = -95.0
    heard = [air.heard("C0:FF:EE:00:00:01") for _ in range(1000)]
    assert 400 < heard.count(None) < 600
    assert min(rssi for rssi in heard if rssi is not None) == -95


# The connection -------------------------------------------------------------------------------------


def test_with_a_slow_connection_all_waits_for_the_next_event_in_its_order() -> None:
    async def check(found: Room) -> None:
        log = found.logs["dut"]
        command = log.command("setpoint", 21.0)
        await eventually(lambda: not command.pending, "an outcome")
        quick = command.done_ns - command.sent_ns
        await found.breakables["dut"].break_("slow-connection", {"interval": "300 ms"})
        start = found.clock.now()
        command = log.command("setpoint", 22.0)
        await eventually(lambda: not command.pending, "an outcome", 20)
        assert command.outcome is Outcome.ACKNOWLEDGED
        assert quick < NS // 100 < NS // 4 < command.done_ns - command.sent_ns
        await found.clock.sleep(3)
        times = notified(log, start + NS)
        together = [later - earlier for earlier, later in pairwise(times)]
        assert max(together) == pytest.approx(0.3, abs=0.001)
        assert len(times) == pytest.approx(20, abs=4)  # none lost: three of 10 Hz in each event

    in_the_room(check)


def test_a_command_without_response_is_acknowledged_when_it_was_sent() -> None:
    setpoint = THERMOSTAT.signals["setpoint"].model_copy(update={"response": False})
    hasty = replace(THERMOSTAT, signals={**THERMOSTAT.signals, "setpoint": setpoint})

    async def check(found: Room) -> None:
        log = found.logs["dut"]
        command = log.command("setpoint", 21.0)
        await eventually(lambda: not command.pending, "an outcome")
        await eventually(lambda: found.stores["dut"].read("setpoint") == 21.0, "the write")
        sent = {decode_frame(data).opcode for _, way, data in log.frames if way is Direction.TX}
        assert command.outcome is Outcome.ACKNOWLEDGED
        assert sent == {AttOpcode.READ_REQUEST, AttOpcode.WRITE_COMMAND}

    in_the_room(check, make_device(hasty, "ble://C0:FF:EE:00:00:01"))


def test_some_notifications_are_left_out_and_the_rest_comes() -> None:
    async def check(found: Room) -> None:
        await found.breakables["dut"].break_("notify-loss", {"share": 0.3})
        start = found.clock.now()
        await found.clock.sleep(20)
        assert len(notified(found.logs["dut"], start)) == pytest.approx(140, abs=25)
        await found.breakables["dut"].mend("notify-loss")
        start = found.clock.now()
        await found.clock.sleep(5)
        assert len(notified(found.logs["dut"], start)) == pytest.approx(50, abs=1)

    in_the_room(check)


def test_an_att_error_concerns_its_signal_alone_and_names_itself() -> None:
    async def check(found: Room) -> None:
        log = found.logs["dut"]
        await found.breakables["dut"].break_("att-error", {"signal": "setpoint", "code": 0x11})
        command = log.command("setpoint", 21.0)
        await eventually(lambda: not command.pending, "an outcome")
        assert (command.outcome, "Insufficient Resources" in command.reason) == (Outcome.FAILED, True)
        await found.clock.sleep(1)
        assert "0x11" in log.of("setpoint_back")[-1].reason
        assert log.of("battery")[-1].quality is Quality.GOOD
        assert log.kinds() == ["online"]
        with pytest.raises(UsageError, match="cannot have the fault 'hang'"):
            await found.breakables["dut"].break_("hang", {})

    in_the_room(check)


# Advertising ----------------------------------------------------------------------------------------


def test_a_device_that_advertises_seldom_is_found_late() -> None:
    seldom = replace(THERMOSTAT, options={**THERMOSTAT.options, "advertising_interval": "2 s"})
    devices = [make_device(seldom, "ble://C0:FF:EE:00:00:02", "seldom"), thermostat()]

    async def check(found: Room) -> None:
        for name in ("dut", "seldom"):
            found.logs[name].driver.link_lost("to be found again")  # type: ignore[union-attr]
        start = found.clock.now()
        await found.clock.sleep(0.6)
        await found.online("dut", "seldom")
        back = {name: found.logs[name].events[-1].time_ns - start for name in found.logs}
        assert back["dut"] < NS < back["seldom"]

    in_the_room(check, *devices)


@pytest.mark.parametrize("interval", ["1 ms", "20 s"])
def test_an_advertising_interval_that_no_device_has_is_refused(interval: str) -> None:
    profile = replace(THERMOSTAT, options={**THERMOSTAT.options, "advertising_interval": interval})
    with pytest.raises(BenchFileError, match="advertising_interval"):
        BleDriver(make_device(profile, "ble://C0:FF:EE:00:00:02"), DriverLog(VirtualClock()).context())
    assert characteristics(profile)


# Pairing --------------------------------------------------------------------------------------------


def paired(how: str, pairing: str) -> Device:
    profile = replace(THERMOSTAT, options={**THERMOSTAT.options, "pairing": pairing, "passkey": "012345"})
    return make_device(profile, f"ble://C0:FF:EE:00:00:01{how}")


@pytest.mark.parametrize(
    ("how", "pairing"),
    [("?pair=just-works", "just-works"), ("?passkey=012345", "passkey"), ("?passkey=012345", "just-works")],
)
def test_a_device_is_paired_with_and_known_when_it_comes_back(how: str, pairing: str) -> None:
    async def check(found: Room) -> None:
        log = found.logs["dut"]
        log.driver.link_lost("to be found again")  # type: ignore[union-attr]
        await found.clock.sleep(1)
        await found.online("dut")
        assert log.good("battery")[-1].time_ns > log.events[-1].time_ns - NS

    in_the_room(check, paired(how, pairing))


@pytest.mark.parametrize(
    ("how", "pairing", "words"),
    [
        ("", "just-works", "wants to be paired"),
        ("?pair=just-works", "passkey", "wants to be paired"),
        ("?passkey=999999", "passkey", "refused to pair"),
    ],
)
def test_a_device_that_is_not_paired_with_as_it_wants_says_so(how: str, pairing: str, words: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with room(clock, paired(how, pairing)) as found:
            log = found.logs["dut"]
            await eventually(lambda: log.events, "a complaint", 60)
            assert words in log.events[0].text
            await found.clock.sleep(10)
            assert not log.good("battery")
            assert words in log.of("battery")[-1].reason  # and it is still heard

    run_virtual(main)


# Values of many shapes -------------------------------------------------------------------------------


def test_a_heart_rate_sensor_tells_what_it_measures_with_times_that_rise() -> None:
    async def check(found: Room) -> None:
        log, store = found.logs["dut"], found.stores["dut"]
        for name, value in {"heart_rate": 300.0, "energy": math.nan, "contact": 3.0, "battery": 71.0}.items():
            store.set(name, value)
        start = found.clock.now()
        await found.clock.sleep(5)
        assert [log.good(name)[-1].value for name in ("heart_rate", "contact")] == [300.0, 3.0]
        assert all(sample.time_ns <= start for sample in log.of("energy"))
        report = next(each for each in log.driver._reports if each.characteristic.flags)  # type: ignore[union-attr]
        report.arrived(found.clock.now(), bytes.fromhex("10 50 00 04 00 02 00 03"))
        beats = log.good("rr_interval")[-3:]
        assert [beat.value for beat in beats] == [1.0, 0.5, 0.75]
        assert [beat.time_ns - beats[2].time_ns for beat in beats] == [-2, -1, 0]

    in_the_room(check, make_device("ble/heart-rate", "ble://C0:FF:EE:00:00:01"))


# Who it is ------------------------------------------------------------------------------------------


def test_a_device_is_asked_who_it_is_and_it_is_told_once() -> None:
    device = make_device("ble/device-information", "ble://C0:FF:EE:00:00:01")

    async def main(clock: VirtualClock) -> None:
        async with room(clock, device) as found:
            log = found.logs["dut"]
            for _ in range(2):
                await found.clock.sleep(3)
                log.driver.link_lost("to be found again")  # type: ignore[union-attr]
            said = [event.text for event in log.events if event.kind == "identity"]
            assert said == ["dut is testbed emulated, serial 0001, hardware 1, firmware 1.0, software 1.0"]
            assert log.good("vendor")

    run_virtual(main)


# In memory ------------------------------------------------------------------------------------------


def test_in_memory_too_devices_are_found_by_what_they_advertise() -> None:
    wires = ["ble://?name=HIL%20Named", "ble://?service=1809", "ble://?manufacturer=ffff:0102"]

    async def check(found: Room) -> None:
        addresses = {log.driver._met for log in found.logs.values()}  # type: ignore[union-attr]
        assert len(addresses) == 3
        assert [sample.value for sample in found.logs["d0"].good("mtu")] == [517.0]

    in_the_room(check, *(thermostat(wire, f"d{number}") for number, wire in enumerate(wires)))


def test_in_memory_too_indications_are_confirmed_and_told_apart() -> None:
    async def check(found: Room) -> None:
        log = found.logs["dut"]
        found.stores["dut"].set("alarm", 1.0)
        await eventually(lambda: log.good("alarm")[-1].value == 1.0, "the alarm")
        opcodes = {decode_frame(data).opcode for _, way, data in log.frames if way is Direction.RX}
        assert AttOpcode.INDICATION in opcodes

    in_the_room(check)
