"""The BLE driver against the emulated device: bleak, a real D-Bus, virtual controllers."""

import asyncio
import contextlib
import math
import random
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from hil_tests.support import DriverLog, Emulated, emulate, eventually, make_device, run_driver
from testbed.bench.device import Device
from testbed.bench.profile import load_profile
from testbed.bench.wires import Wire, parse_wire
from testbed.clock import SystemClock
from testbed.drivers.ble import BleDriver
from testbed.emulators import EmulatedDevice, Store
from testbed.emulators.ble.bus import private_bus
from testbed.emulators.ble.facade import be_bluez
from testbed.emulators.ble.peripheral import Peripheral
from testbed.emulators.ble.radio import Radio
from testbed.errors import TestbedError
from testbed.links import Direction
from testbed.links.gatt_frames import AttOpcode, decode_frame
from testbed.protocols.gatt import uuid128
from testbed.signals import Access, Outcome, Priority, Quality
from testbed.testing.contract import CommandContract

THERMOSTAT = load_profile(Path(__file__).parent.parent / "emulators" / "ble_thermostat.yaml")
ALARM = "0000aa04-1234-5678-1234-56789abcdef0"
WIRE = "ble://C0:FF:EE:00:00:01"

pytestmark = pytest.mark.needs_system("dbus-daemon")


def thermostat(name: str = "dut", address: str = WIRE, **configure: float) -> Device:
    return make_device(THERMOSTAT, address, name, **configure)


def beside(wire: Wire, address: str) -> str:
    """Return the wire of another address on the same D-Bus."""
    return f"ble://{address}?bus={wire.option('bus', '')}"


class TestBleDriver(CommandContract):
    profile = THERMOSTAT
    wire = WIRE
    readable, value = "temperature", 42.5
    writable, wanted = "setpoint", 22.5
    within = 10.0

    # What breaks in the bytes of a stream; see system/test_faults.py for this wire's faults.
    test_on_a_broken_wire_it_lives_and_afterwards_nothing_old_is_heard = None  # type: ignore[assignment]

    def absent_wire(self, emulated: Emulated) -> str:
        return beside(emulated["dut"].device.wire, "C0:FF:EE:00:00:99")


async def settled(log: DriverLog, signal: str, value: float, **more: Priority) -> tuple[Outcome, str]:
    command = log.command(signal, value, **more)
    await eventually(lambda: not command.pending, "the command's outcome")
    return command.outcome, command.reason


# Samples --------------------------------------------------------------------------------------------


async def test_every_signal_has_a_sample_as_soon_as_the_device_is_online() -> None:
    async with emulate(thermostat()) as emulated:
        values = {
            "temperature": -12.34, "humidity": 55.5, "battery": 87.0,
            "fan_speed": 1200.0, "fan_current": 0.25, "setpoint_back": 21.0,
        }  # fmt: skip
        for name, value in values.items():
            emulated["dut"].store.set(name, value)
        async with run_driver(emulated["dut"].device) as log:
            seen = {name: log.good(name)[0].value for name in values}
            assert seen == pytest.approx(values)


async def test_a_changing_value_arrives_by_notification_by_indication_and_by_poll() -> None:
    async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
        for name in ("temperature", "battery", "fan_current"):
            emulated["dut"].store.set(name, 17.0)
        emulated["dut"].store.set("alarm", 1.0)
        for name in ("temperature", "battery", "fan_current"):
            await eventually(lambda name=name: log.good(name)[-1].value == pytest.approx(17.0), name)
        await eventually(lambda: log.good("alarm")[-1].value == 1.0, "the alarm")
        frames = [decode_frame(frame) for _, way, frame in log.frames if way is Direction.RX]
        sent = {frame.opcode for frame in frames if frame.characteristic == uuid128(0x2A6E)}
        confirmed = {frame.opcode for frame in frames if frame.characteristic == ALARM}
        assert sent == {AttOpcode.READ_RESPONSE, AttOpcode.NOTIFICATION}
        assert confirmed == {AttOpcode.READ_RESPONSE, AttOpcode.INDICATION}


async def test_a_connection_tells_how_strong_the_device_was_heard_and_what_fits_into_a_packet() -> None:
    async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
        assert [sample.value for sample in log.good("mtu")] == [517.0]
        (rssi,) = log.good("rssi")
        assert -95 < rssi.value < 0
        opened = [time_ns for time_ns, direction, _ in log.recorded if direction is Direction.OPEN]
        assert [rssi.time_ns] == opened
        assert log.samples[0].time_ns == opened[0]


async def test_two_signals_in_one_characteristic_are_one_read() -> None:
    async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
        await eventually(lambda: len(log.good("fan_speed")) >= 3, "polls")
        assert [s.time_ns for s in log.good("fan_speed")] == [s.time_ns for s in log.good("fan_current")]


async def test_given_no_known_value_the_sample_is_bad_and_the_link_stays_up() -> None:
    async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
        emulated["dut"].store.set("humidity", math.nan)
        await eventually(lambda: log.of("humidity", Quality.BAD), "a bad sample")
        assert "not known" in log.of("humidity", Quality.BAD)[0].reason
        emulated["dut"].store.set("humidity", 40.0)
        await eventually(lambda: log.of("humidity")[-1].quality is Quality.GOOD, "recovery")
        assert log.kinds() == ["online"]


async def test_given_a_read_that_the_device_refuses_only_its_signals_turn_bad() -> None:
    async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
        emulated["dut"].store.set("battery", math.nan)  # a uint8 that cannot say so: ATT error 0x0E
        await eventually(lambda: log.of("battery", Quality.BAD), "a bad sample")
        assert "0x0E" in log.of("battery", Quality.BAD)[0].reason
        assert not log.of("temperature", Quality.BAD)
        assert log.kinds() == ["online"]


async def test_a_value_of_the_wrong_length_is_a_bad_sample_with_both_lengths() -> None:
    async with emulate(thermostat()) as emulated:
        wide = thermostat()
        narrow = {**wide.profile.signals}
        narrow["battery"] = narrow["battery"].model_copy(update={"type": "uint16"})
        profile = replace(wide.profile, signals=narrow)
        device = replace(make_device(profile, WIRE), wire=emulated["dut"].device.wire)
        async with run_driver(device) as log:
            assert "expected 2 bytes, got 1" in log.of("battery")[0].reason
            assert log.of("battery")[0].quality is Quality.BAD
            assert log.good("temperature")


# Commands -------------------------------------------------------------------------------------------


async def test_a_command_is_acknowledged_by_the_write_response_and_reads_back() -> None:
    async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
        assert await settled(log, "setpoint", 23.45) == (Outcome.ACKNOWLEDGED, "")
        await eventually(lambda: log.good("setpoint_back")[-1].value == pytest.approx(23.45), "the read-back")


async def test_given_a_value_beyond_the_device_s_limits_the_command_fails_with_the_att_error() -> None:
    async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
        outcome, reason = await settled(log, "setpoint", 80.0)
        assert outcome is Outcome.FAILED
        assert "Value Not Allowed" in reason
        assert "0x13" in reason
        assert await settled(log, "setpoint", 35.0) == (Outcome.ACKNOWLEDGED, "")


async def test_given_a_value_that_does_not_fit_the_command_fails_before_the_wire() -> None:
    async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
        before = len([frame for frame in log.frames if frame[1] is Direction.TX])
        outcome, reason = await settled(log, "purge", 256.0)
        assert outcome is Outcome.FAILED
        assert "uint8" in reason
        written = [decode_frame(frame) for _, way, frame in log.frames[before:] if way is Direction.TX]
        assert not [frame for frame in written if frame.opcode is AttOpcode.WRITE_REQUEST]


async def test_safe_commands_go_first_and_too_many_commands_are_refused() -> None:
    async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
        written: list[tuple[str, float]] = []
        emulated["dut"].store.watch(lambda name, value: written.append((name, value)))
        commands = [log.command("purge", float(number)) for number in range(80)]
        safe = log.command("setpoint", 20.0, Priority.SAFE)
        refused = [command for command in commands if not command.pending]
        assert len(refused) == 80 - 64
        assert all("wait already" in command.reason for command in refused)
        await eventually(lambda: not any(c.pending for c in [*commands, safe]), "all outcomes")
        assert written[0] == ("setpoint", pytest.approx(20.0))
        assert [value for name, value in written if name == "purge"] == [
            float(number) for number in range(64)
        ]


async def test_a_command_that_waited_too_long_expires() -> None:
    async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
        commands = [log.command("purge", 1.0) for _ in range(3)]
        commands[2].deadline_ns = 1
        await eventually(lambda: not commands[2].pending, "an outcome")
        assert commands[2].outcome is Outcome.EXPIRED


async def test_configured_values_are_written_whenever_the_device_comes_online() -> None:
    async with emulate(thermostat(setpoint=25.0)) as emulated:
        written: list[tuple[str, float]] = []
        emulated["dut"].store.watch(lambda name, value: written.append((name, value)))
        async with run_driver(emulated["dut"].device):
            await eventually(lambda: written == [("setpoint", 25.0)], "the configured setpoint")


# What can be wrong ------------------------------------------------------------------------------------


async def test_given_a_device_of_another_kind_the_error_names_what_it_lacks() -> None:
    sensor = make_device("ble/environmental-sensing", WIRE)
    async with emulate(sensor) as emulated:
        device = replace(thermostat(), wire=emulated["dut"].device.wire)
        async with run_driver(device, wait_online=False) as log:
            await eventually(lambda: log.events, "a complaint")
            text = log.events[0].text
            assert "dut.fan_speed, dut.fan_current" in text
            assert "no characteristic 0000aa01-1234-5678-1234-56789abcdef0" in text
            assert "0x181A" in text


async def test_given_a_characteristic_that_cannot_notify_the_error_says_what_it_can() -> None:
    async with emulate(thermostat()) as emulated:
        signals = {**THERMOSTAT.signals}
        signals["battery"] = signals["battery"].model_copy(update={"access": Access.NOTIFY})
        profile = replace(THERMOSTAT, signals=signals)
        device = replace(make_device(profile, WIRE), wire=emulated["dut"].device.wire)
        async with run_driver(device, wait_online=False) as log:
            await eventually(lambda: log.events, "a complaint")
            assert "dut.battery: the profile says notify, but characteristic 0x2A19" in log.events[0].text


async def test_given_no_d_bus_the_reason_says_where_it_was_looked_for() -> None:
    device = replace(thermostat(), wire=parse_wire("ble://C0:FF:EE:00:00:01?bus=unix:path=/nowhere/bus.sock"))
    async with run_driver(device, wait_online=False) as log:
        await eventually(lambda: log.events, "a complaint")
        assert "no D-Bus at unix:path=/nowhere/bus.sock" in log.events[0].text
        assert "testbed doctor" in log.events[0].text


async def test_given_a_characteristic_in_two_services_the_error_says_so() -> None:
    signals = {**THERMOSTAT.signals}
    signals["humidity"] = signals["humidity"].model_copy(
        update={"characteristic": 0x2A19, "type": "uint8", "access": Access.READ}
    )
    device = make_device(replace(THERMOSTAT, signals=signals), WIRE)
    async with emulate(device) as emulated, run_driver(emulated["dut"].device, wait_online=False) as log:
        await eventually(lambda: log.events, "a complaint")
        assert "has characteristic 00002a19-0000-1000-8000-00805f9b34fb 2 times" in log.events[0].text


async def test_given_a_device_that_a_dead_program_left_connected_it_is_taken_over() -> None:
    async with emulate(thermostat()) as emulated:
        wire = emulated["dut"].device.wire
        async with run_driver(emulated["dut"].device):
            pass  # now BlueZ knows the device
        program = MessageBus(wire.option("bus", ""), BusType.SYSTEM)
        await program.connect()
        path = "/org/bluez/hci0/dev_C0_FF_EE_00_00_01"
        reply = await program.call(Message("org.bluez", path, "org.bluez.Device1", "Connect"))
        assert reply.error_name is None
        program.disconnect()
        await program.wait_for_disconnect()
        async with run_driver(emulated["dut"].device) as log:
            assert log.kinds() == ["online"]


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        ("ble://kitchen", "ble://kitchen names no Bluetooth address"),
        ("ble://", "says of no device which it is"),
        ("ble://?nmae=x", "no option 'nmae' .did you mean 'name'"),
        ("ble://?service=180", "'180' is no UUID"),
        ("ble://?manufacturer=apple", "'apple' is no manufacturer data"),
        ("ble://?name=x&passkey=12345", "a passkey has six digits"),
        ("ble://?name=x&pair=yes", "pair=yes is not known"),
        ("ble://?name=x&pair=just-works&passkey=123456", "not by both"),
    ],
)
def test_given_a_wire_that_names_nobody_it_is_refused_with_the_right_way(wire: str, words: str) -> None:
    with pytest.raises(TestbedError, match=words):
        BleDriver(thermostat(address=wire), DriverLog(None).context())  # type: ignore[arg-type]


# Found by what they advertise ---------------------------------------------------------------------------


async def test_a_device_is_found_by_name_by_service_and_by_manufacturer() -> None:
    devices = [
        thermostat("named", "ble://?name=HIL%20Named"),
        thermostat("serving", "ble://?service=1809"),
        thermostat("made", "ble://?manufacturer=ffff:0102"),
    ]
    async with emulate(*devices) as emulated, contextlib.AsyncExitStack() as stack:
        logs = [
            await stack.enter_async_context(run_driver(emulated[device.name].device, wait_online=False))
            for device in devices
        ]
        await eventually(lambda: all(log.kinds() == ["online"] for log in logs), "all online", 10)
        # It is found again where it was, even if by now another one says the same.
        emulated.plugs["named"].unplug()
        await eventually(lambda: logs[0].kinds() == ["online", "offline"], "the loss")
        emulated.plugs["named"].plug()
        await eventually(lambda: logs[0].kinds() == ["online", "offline", "online"], "recovery", 10)


async def test_when_several_devices_could_be_meant_none_is_touched_and_all_are_named() -> None:
    pair = [thermostat(name, f"ble://C0:FF:EE:00:00:0{name}?name=HIL*") for name in "AB"]
    async with emulate(*pair) as emulated:
        bus = emulated["A"].device.wire.option("bus", "")
        either = replace(pair[0], wire=parse_wire(f"ble://?name=HIL*&bus={bus}"))
        async with run_driver(either, wait_online=False) as log:
            await eventually(lambda: log.events, "a complaint")
            assert "2 devices are a device named 'HIL*'" in log.events[0].text
            assert "ble://C0:FF:EE:00:00:0A, ble://C0:FF:EE:00:00:0B" in log.events[0].text


# Pairing ------------------------------------------------------------------------------------------------

PAIRED = replace(THERMOSTAT, options={**THERMOSTAT.options, "pairing": "passkey", "passkey": "012345"})


async def test_a_device_that_wants_to_be_paired_says_so_and_what_to_write() -> None:
    async with (
        emulate(make_device(PAIRED, WIRE)) as emulated,
        run_driver(emulated["dut"].device, wait_online=False) as log,
    ):
        await eventually(lambda log=log: log.events, "a complaint")
        assert "dut is offline: the device wants to be paired" in log.events[0].text
        assert "pair=just-works" in log.events[0].text


async def test_a_device_that_shows_a_passkey_is_paired_with_it_and_refuses_another() -> None:
    async with emulate(make_device(PAIRED, WIRE)) as emulated:
        wire = emulated["dut"].device.wire
        told = parse_wire(f"{WIRE}?passkey=999999&bus={wire.option('bus', '')}")
        async with run_driver(replace(emulated["dut"].device, wire=told), wait_online=False) as log:
            await eventually(lambda log=log: log.events, "a complaint")
            assert "the device refused to pair" in log.events[0].text
        told = parse_wire(f"{WIRE}?passkey=012345&bus={wire.option('bus', '')}")
        async with run_driver(replace(emulated["dut"].device, wire=told)) as log:
            assert await settled(log, "setpoint", 23.45) == (Outcome.ACKNOWLEDGED, "")
            emulated.plugs["dut"].unplug()
            await eventually(lambda: log.kinds() == ["online", "offline"], "the loss")
            emulated.plugs["dut"].plug()
            await eventually(lambda: log.kinds() == ["online", "offline", "online"], "its return")


# Several devices ----------------------------------------------------------------------------------------


async def test_several_devices_come_online_together_and_one_missing_does_not_hold_them_up() -> None:
    devices = [thermostat(f"d{number}", f"ble://C0:FF:EE:00:00:0{number}") for number in range(1, 5)]
    async with emulate(*devices) as emulated:
        wire = emulated["d1"].device.wire
        missing = replace(thermostat("missing"), wire=parse_wire(beside(wire, "C0:FF:EE:00:00:99")))
        async with (
            run_driver(missing, wait_online=False) as absent,
            run_driver(emulated["d1"].device, wait_online=False) as one,
            run_driver(emulated["d2"].device, wait_online=False) as two,
            run_driver(emulated["d3"].device, wait_online=False) as three,
            run_driver(emulated["d4"].device, wait_online=False) as four,
        ):
            present = (one, two, three, four)
            await eventually(lambda: all(log.kinds() == ["online"] for log in present), "four online")
            await eventually(lambda: absent.kinds() == ["offline"], "the missing one's complaint")
            assert "no advertisement from C0:FF:EE:00:00:99" in absent.events[0].text
            emulated.plugs["d2"].unplug()
            await eventually(lambda: two.kinds() == ["online", "offline"], "one lost")
            emulated.plugs["d2"].plug()
            await eventually(lambda: two.kinds() == ["online", "offline", "online"], "one back")
            assert [log.kinds() for log in (one, three, four)] == [["online"]] * 3


# When the stack below goes ------------------------------------------------------------------------------


async def test_when_the_d_bus_dies_the_driver_goes_offline_and_lives_on() -> None:
    async with contextlib.AsyncExitStack() as emulator:
        emulated = await emulator.enter_async_context(emulate(thermostat()))
        async with run_driver(emulated["dut"].device) as log:
            await emulator.aclose()
            await eventually(lambda: log.kinds() == ["online", "offline"], "the loss")
            await eventually(lambda: len(log.of("battery", Quality.BAD)) >= 2, "another attempt")
            assert "no D-Bus" in log.of("battery")[-1].reason


async def test_given_a_dead_d_bus_the_same_process_can_go_on_with_another() -> None:
    for _ in range(2):
        async with emulate(thermostat()) as emulated, run_driver(emulated["dut"].device) as log:
            assert log.kinds() == ["online"]


async def test_given_a_d_bus_in_use_another_one_is_refused_by_name() -> None:
    async with (
        emulate(thermostat()) as emulated,
        run_driver(emulated["dut"].device),
        emulate(thermostat()) as others,
        run_driver(others["dut"].device, wait_online=False) as log,
    ):
        await eventually(lambda: log.events, "a complaint")
        assert "this process already speaks Bluetooth over unix:path=" in log.events[0].text


async def test_when_bluez_leaves_the_d_bus_the_driver_notices_and_recovers_with_the_next_one() -> None:
    device = thermostat()
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        async with private_bus(Path(folder)) as bus:
            wire = parse_wire(f"{WIRE}?bus={bus}")
            async with contextlib.AsyncExitStack() as stack:
                async with virtual_bluez(device, bus, clock):
                    log = await stack.enter_async_context(run_driver(replace(device, wire=wire)))
                await eventually(lambda: log.kinds() == ["online", "offline"], "the loss")
                assert "BlueZ (bluetoothd) left the D-Bus" in log.events[1].text
                await eventually(lambda: "no Bluetooth service" in log.of("battery")[-1].reason, "a try")
                async with virtual_bluez(device, bus, clock):
                    await eventually(lambda: log.kinds() == ["online", "offline", "online"], "recovery", 20)
                    await stack.aclose()
    clock.close()


@contextlib.asynccontextmanager
async def virtual_bluez(device: Device, bus: str, clock: SystemClock) -> AsyncIterator[None]:
    """Be BlueZ with one device on the air, on a D-Bus that outlives us."""
    radio = Radio(random.Random(1))
    peripheral = Peripheral(EmulatedDevice(device, Store(device)), radio, clock, lambda text: None)
    up, advertising = asyncio.Event(), asyncio.Event()
    adapter = radio.device("adapter", "F0:F0:F0:F0:F0:F0")
    tasks = [
        asyncio.create_task(be_bluez(bus, adapter, clock, up.set)),
        asyncio.create_task(peripheral.presence.run(advertising.set)),
    ]
    try:
        await up.wait()
        await advertising.wait()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await radio.close()
