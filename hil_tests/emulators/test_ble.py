"""The emulated BLE devices as unmodified bleak sees them: BlueZ's face, ATT errors, coming and going."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import sys
import textwrap
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from bleak import BleakAdapter, BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError, BleakError, BleakGATTProtocolError
from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.support import Emulated, emulate, eventually, make_device
from testbed.bench.device import Device
from testbed.bench.profile import load_profile
from testbed.emulators.ble.advertising import advertising_data
from testbed.emulators.ble.bus import private_bus
from testbed.emulators.ble.connection import Connection
from testbed.errors import MissingPart, TestbedError
from testbed.protocols.gatt import uuid128

THERMOSTAT = load_profile(Path(__file__).parent / "ble_thermostat.yaml")
TEMPERATURE, BATTERY = uuid128(0x2A6E), uuid128(0x2A19)
FAN, SETPOINT, PURGE = (f"0000aa0{number}-1234-5678-1234-56789abcdef0" for number in (1, 2, 3))

Call = Callable[..., Awaitable[Message]]

needs_bus = pytest.mark.needs_system("dbus-daemon")


def thermostat(name: str = "dut", address: str = "C0:FF:EE:00:00:01") -> Device:
    return make_device(THERMOSTAT, f"ble://{address}", name)


@contextlib.asynccontextmanager
async def on_the_air(monkeypatch: pytest.MonkeyPatch, *devices: Device) -> AsyncIterator[Emulated]:
    """Emulate devices and let bleak find their D-Bus, as the environment of a whole process would."""
    async with emulate(*(devices or (thermostat(),))) as emulated:
        bus = next(iter(emulated.values())).device.wire.option("bus", "")
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus)
        yield emulated


async def found(address: str = "C0:FF:EE:00:00:01") -> BLEDevice:
    device = await BleakScanner.find_device_by_address(address, timeout=10)
    assert device is not None
    return device


# Scanning -------------------------------------------------------------------------------------------


@needs_bus
async def test_a_scan_hears_name_services_and_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_the_air(monkeypatch), BleakScanner() as scanner:
        async for device, advertisement in scanner.advertisement_data():
            assert device.address == "C0:FF:EE:00:00:01"
            assert device.name == advertisement.local_name == "HIL Thermostat"
            assert {uuid128(0x181A), uuid128(0x180F)} <= set(advertisement.service_uuids)
            assert -127 < advertisement.rssi < 20
            break


@needs_bus
async def test_an_adapter_scans_once_for_each_program_and_stops_when_the_program_is_gone() -> None:
    async with emulate(thermostat()) as emulated:
        bus = emulated["dut"].device.wire.option("bus", "")
        async with caller(bus) as program, caller(bus) as observer:
            assert (await program("/org/bluez/hci0", "Adapter1", "StartDiscovery")).error_name is None
            again = await program("/org/bluez/hci0", "Adapter1", "StartDiscovery")
            assert again.error_name == "org.bluez.Error.InProgress"
            other = await observer("/org/bluez/hci0", "Adapter1", "StopDiscovery")
            assert other.error_name == "org.bluez.Error.Failed"
            assert await discovering(observer)
        async with caller(bus) as observer:
            await turned(lambda: discovering(observer), False)


# GATT -----------------------------------------------------------------------------------------------


@needs_bus
async def test_discovery_shows_what_the_profile_says(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_the_air(monkeypatch), BleakClient(await found()) as client:
        shown = {each.uuid: sorted(each.properties) for each in client.services.characteristics.values()}
        assert shown[TEMPERATURE] == ["notify", "read"]
        assert shown[BATTERY] == shown[FAN] == ["read"]
        assert shown[SETPOINT] == ["read", "write", "write-without-response"]
        assert shown[PURGE] == ["write", "write-without-response"]
        temperature = client.services.get_characteristic(TEMPERATURE)
        assert temperature is not None
        assert temperature.service_uuid == uuid128(0x181A)
        assert temperature.max_write_without_response_size == 514
        assert [descriptor.uuid for descriptor in temperature.descriptors] == [uuid128(0x2902)]


@needs_bus
async def test_a_value_is_read_and_written_with_and_without_response(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_the_air(monkeypatch) as emulated, BleakClient(await found()) as client:
        emulated["dut"].store.set("battery", 87.0)
        assert await client.read_gatt_char(BATTERY) == b"\x57"
        await client.write_gatt_char(SETPOINT, (2150).to_bytes(2, "little"), response=True)
        assert emulated["dut"].store.read("setpoint") == pytest.approx(21.5)
        await client.write_gatt_char(SETPOINT, (1900).to_bytes(2, "little"), response=False)
        await eventually(lambda: emulated["dut"].store.read("setpoint") == pytest.approx(19.0), "the write")
        assert await client.read_gatt_char(SETPOINT) == (1900).to_bytes(2, "little")


@needs_bus
async def test_what_a_device_refuses_arrives_as_the_att_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_the_air(monkeypatch), BleakClient(await found()) as client:

        async def refused(work: Awaitable[object]) -> int:
            with pytest.raises(BleakGATTProtocolError) as caught:
                await work
            return int(caught.value.code)

        too_hot = (3600).to_bytes(2, "little")
        assert await refused(client.write_gatt_char(SETPOINT, too_hot, response=True)) == 0x13
        assert await refused(client.write_gatt_char(SETPOINT, b"\x00", response=True)) == 0x0D
        assert await refused(client.read_gatt_char(PURGE)) == 0x02
        assert await refused(client.write_gatt_char(BATTERY, b"\x00", response=True)) == 0x06
        with pytest.raises(BleakDBusError, match="NotSupported"):
            await client.start_notify(BATTERY, lambda _, data: None)
        assert await client.read_gatt_char(BATTERY) == b"\x00"


@needs_bus
async def test_notifications_carry_the_present_value_until_they_are_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with on_the_air(monkeypatch) as emulated, BleakClient(await found()) as client:
        heard: list[bytes] = []
        await client.start_notify(TEMPERATURE, lambda _, data: heard.append(bytes(data)))
        for celsius in (20.0, -5.5):
            emulated["dut"].store.set("temperature", celsius)
            raw = round(celsius * 100).to_bytes(2, "little", signed=True)
            await eventually(lambda raw=raw: raw in heard, f"a notification of {celsius}")
        await client.stop_notify(TEMPERATURE)
        await client.read_gatt_char(BATTERY)  # behind it nothing sent before can still be under way
        count = len(heard)
        await asyncio.sleep(0.3)
        assert len(heard) == count


@needs_bus
async def test_two_devices_are_connected_at_once_and_each_answers_for_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = thermostat("a", "C0:FF:EE:00:00:0A"), thermostat("b", "C0:FF:EE:00:00:0B")
    async with on_the_air(monkeypatch, *pair) as emulated:
        for number, name in enumerate("ab"):
            emulated[name].store.set("battery", float(number + 1))
        async with (
            BleakClient(await found("C0:FF:EE:00:00:0A")) as a,
            BleakClient(await found("C0:FF:EE:00:00:0B")) as b,
        ):
            answers = await asyncio.gather(*(client.read_gatt_char(BATTERY) for client in (a, b, a, b)))
            assert [bytes(answer) for answer in answers] == [b"\x01", b"\x02", b"\x01", b"\x02"]


# Coming and going -----------------------------------------------------------------------------------


@needs_bus
async def test_when_unplugged_bleak_hears_it_and_when_replugged_it_connects_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with on_the_air(monkeypatch) as emulated:
        lost = asyncio.Event()
        client = BleakClient(await found(), lambda _: lost.set())
        await client.connect()
        emulated.plugs["dut"].unplug()
        async with asyncio.timeout(5):
            await lost.wait()
        assert not client.is_connected
        with pytest.raises(BleakError):
            await client.read_gatt_char(BATTERY)
        await client.disconnect()
        assert await BleakScanner.find_device_by_address("C0:FF:EE:00:00:01", timeout=0.5) is None

        emulated.plugs["dut"].plug()
        async with asyncio.timeout(5), BleakClient(await found()) as again:
            assert await again.read_gatt_char(BATTERY) == b"\x00"


@needs_bus
async def test_a_device_that_goes_while_it_is_asked_leaves_no_request_hanging(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with on_the_air(monkeypatch) as emulated:
        async with BleakClient(await found()) as client:
            requests = [asyncio.ensure_future(client.read_gatt_char(BATTERY)) for _ in range(50)]
            emulated.plugs["dut"].unplug()
            async with asyncio.timeout(5):
                answers = await asyncio.gather(*requests, return_exceptions=True)
        assert all(isinstance(answer, bytearray | BleakError | AssertionError) for answer in answers)
        emulated.plugs["dut"].plug()
        async with asyncio.timeout(5), BleakClient(await found()) as again:
            assert again.is_connected


@needs_bus
async def test_a_device_that_a_dead_program_left_connected_can_be_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with on_the_air(monkeypatch) as emulated:
        await found()
        async with caller(emulated["dut"].device.wire.option("bus", "")) as program:
            path = "/org/bluez/hci0/dev_C0_FF_EE_00_00_01"
            assert (await program(path, "Device1", "Connect")).error_name is None
        adapter = await BleakAdapter.get()
        await turned(adapter.get_connected_devices, True)
        (connected,) = await adapter.get_connected_devices()
        async with BleakClient(connected) as client:
            assert await client.read_gatt_char(BATTERY) == b"\x00"


# Who may be emulated --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        (("C0:FF:EE:00:00:01", "C0:FF:EE:00:00:01"), "d1 and d0 share the address C0:FF:EE:00:00:01"),
        (("kitchen",), "ble://kitchen names no Bluetooth address"),
    ],
)
async def test_given_wrong_addresses_the_error_names_the_devices(
    addresses: tuple[str, ...], words: str
) -> None:
    devices = [thermostat(f"d{number}", address) for number, address in enumerate(addresses)]
    with pytest.raises(TestbedError, match=words):
        async with emulate(*devices):
            pass


async def test_without_dbus_daemon_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingPart) as caught:
        async with emulate(thermostat()):
            pass
    assert caught.value.next_step == "apt-get install dbus-daemon"


# The D-Bus of our own -------------------------------------------------------------------------------


@needs_bus
async def test_a_folder_with_odd_characters_still_gives_a_usable_address(tmp_path: Path) -> None:
    folder = tmp_path / "a b,c=%&ü"
    folder.mkdir()
    async with private_bus(folder) as address:
        bus = Connection(address)
        await bus.open()
        assert bus.unique_name is not None
        await bus.close()
    assert not (folder / "bus.sock").exists()


async def test_a_folder_too_deep_for_a_socket_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    with pytest.raises(TestbedError, match="TMPDIR"):
        async with private_bus(folder):
            pass


@needs_bus
async def test_the_d_bus_does_not_outlive_a_killed_emulator(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import asyncio, pathlib, sys
        from testbed.emulators.ble.bus import private_bus

        async def main():
            async with private_bus(pathlib.Path(sys.argv[1])) as address:
                print(address, flush=True)
                await asyncio.Event().wait()

        asyncio.run(main())
    """)
    emulator = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert emulator.stdout is not None
    address = (await emulator.stdout.readline()).decode().strip()
    emulator.send_signal(signal.SIGKILL)
    await emulator.wait()
    async with asyncio.timeout(10):
        while True:
            bus = Connection(address)
            try:
                await bus.open()
            except TestbedError:
                break
            await bus.close()


@needs_bus
async def test_what_a_stopped_d_bus_does_not_take_waits_in_order_and_notifications_are_dropped(
    tmp_path: Path,
) -> None:
    async with private_bus(tmp_path) as address, listener(address) as heard:
        bus = Connection(address)
        await bus.open()
        with stopped(daemon_of(tmp_path / "bus.sock")):
            for number in range(3000):
                bus.post(Message.new_signal("/t", "t.Test", "Burst", "us", [number, "x" * 200]))
            for number in range(3000, 6000):
                bus.post(Message.new_signal("/t", "t.Test", "Burst", "us", [number, ""]), droppable=True)
        assert bus.dropped == 3000
        await eventually(lambda: len(heard) == 3000, "all that must not be lost")
        assert heard == list(range(3000))
        await bus.close()


def daemon_of(socket_path: Path) -> int:
    """Return the process at the other end of a socket (unix(7), SO_PEERCRED)."""
    with socket.socket(socket.AF_UNIX) as ours:
        ours.connect(str(socket_path))
        credentials = ours.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[0])


@contextlib.contextmanager
def stopped(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


# Advertising ----------------------------------------------------------------------------------------


def fields_of(packet: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while packet:
        length = packet[0]
        found[packet[1]] = packet[2 : 1 + length]
        packet = packet[1 + length :]
    return found


NAMES = st.text(st.characters(codec="utf-8"), max_size=26).filter(lambda name: len(name.encode()) <= 26)


@given(NAMES, st.lists(st.one_of(st.integers(0, 0xFFFF).map(uuid128), st.uuids().map(str)), max_size=20))
def test_an_advertising_packet_fits_and_says_only_what_is_there(name: str, services: list[str]) -> None:
    packet = advertising_data(name, services)
    assert len(packet) <= 31
    said = fields_of(packet)
    assert said[0x01] == b"\x06"
    assert said.get(0x09, b"").decode() == name
    there = {uuid.UUID(each).bytes for each in services}
    for some, every, size in ((0x02, 0x03, 2), (0x06, 0x07, 16)):
        listed = said.get(some, b"") + said.get(every, b"")
        members = {listed[at : at + size][::-1] for at in range(0, len(listed), size)}
        assert members <= ({each[2:4] for each in there} if size == 2 else there)
        assert not (some in said and every in said)


# Raw callers ----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def caller(address: str) -> AsyncIterator[Call]:
    """A program on the D-Bus of its own, gone without goodbye at the end."""
    bus = MessageBus(address, BusType.SYSTEM)
    await bus.connect()

    async def call(path: str, interface: str, member: str, signature: str = "", *body: object) -> Message:
        name = interface if "." in interface else f"org.bluez.{interface}"
        return await bus.call(Message("org.bluez", path, name, member, signature=signature, body=list(body)))

    try:
        yield call
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()


async def turned(question: Callable[[], Awaitable[object]], wanted: bool) -> None:
    """Ask until the answer is true, or false, as wanted."""
    for _ in range(1000):
        if bool(await question()) is wanted:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not {wanted} within 10 s")


async def discovering(call: Call) -> bool:
    reply = await call(
        "/org/bluez/hci0", "org.freedesktop.DBus.Properties", "Get", "ss", "org.bluez.Adapter1", "Discovering"
    )
    value = reply.body[0]
    assert isinstance(value, Variant)
    return bool(value.value)


@contextlib.asynccontextmanager
async def listener(address: str) -> AsyncIterator[list[int]]:
    """Hear the numbers of test signals."""
    heard: list[int] = []
    bus = MessageBus(address, BusType.SYSTEM)
    await bus.connect()

    def received(message: Message) -> None:
        if message.member == "Burst":
            heard.append(message.body[0])

    bus.add_message_handler(received)
    dbus = "org.freedesktop.DBus"
    await bus.call(
        Message(dbus, "/org/freedesktop/DBus", dbus, "AddMatch", signature="s", body=["interface='t.Test'"])
    )
    try:
        yield heard
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()
