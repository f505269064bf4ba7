"""The emulated network server and its class A devices, seen by a client of the broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chirpstack_api.integration import integration_pb2 as schema
from google.protobuf import json_format

from hil_tests.support import emulate, eventually, make_device
from hil_tests.support.lorawan import DEVICE, WIRE, quick_profile
from testbed.bench.wires import Wire
from testbed.clock import SystemClock
from testbed.emulators import EmulatedDevice, EmulatorContext, Store
from testbed.emulators.lorawan import serve
from testbed.emulators.places import SystemPlaces
from testbed.errors import LinkError, UsageError
from testbed.links.mqtt import MqttLink, open_mqtt
from testbed.protocols.lorawan.chirpstack import Downlink, print_downlink

SCHEMA = {
    "up": schema.UplinkEvent,
    "ack": schema.AckEvent,
    "txack": schema.TxAckEvent,
    "log": schema.LogEvent,
}


@dataclass
class Client:
    """Someone who listens to one application and enqueues downlinks."""

    clock: SystemClock
    emulated: EmulatedDevice
    plugs: dict[str, Any]
    link: MqttLink | None = None
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def received(self, _time_ns: int, topic: str, payload: bytes) -> None:
        kind = topic.rsplit("/", 1)[1]
        json_format.Parse(payload, SCHEMA[kind]())  # every event is of ChirpStack's schema, key by key
        self.events.append((kind, json.loads(payload)))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for each, event in self.events if each == kind]

    def enqueue(self, data: bytes, item_id: str = "", **values: Any) -> None:
        confirmed = values.pop("confirmed", True)
        downlink = Downlink(DEVICE.dev_eui, values.pop("f_port", 10), data, confirmed, item_id, **values)
        self.raw(print_downlink(downlink))

    def raw(self, payload: bytes) -> None:
        assert self.link is not None
        self.link.publish(DEVICE.downlink, payload, qos=1)

    async def uplinks(self, count: int) -> None:
        await eventually(lambda: len(self.of("up")) >= count, f"{count} uplinks")


@contextlib.asynccontextmanager
async def client(rate: str = "2.5 Hz") -> AsyncIterator[Client]:
    clock = SystemClock()
    async with emulate(make_device(quick_profile(rate), WIRE)) as emulated:
        me = Client(clock, emulated["dut"], emulated.plugs)
        wire = emulated["dut"].device.wire
        me.link = await open_mqtt(
            Wire("mqtt", wire.host, wire.port),
            clock,
            subscriptions=["application/1/device/+/event/+"],
            received=me.received,
            lost=lambda reason: None,
        )
        task = asyncio.create_task(me.link.run())
        try:
            yield me
        finally:
            me.link.close()
            await task
    clock.close()


async def test_the_first_uplink_comes_within_a_second_and_the_rest_at_the_profiles_rate() -> None:
    async with client() as me:
        me.emulated.store.set("position", 42.5)
        me.emulated.store.set("battery", 90.0)
        started_ns = me.clock.now()
        await me.uplinks(1)
        assert (me.clock.now() - started_ns) / 1e9 < 2.5
        await me.uplinks(4)
        assert [up["fCnt"] for up in me.of("up")[:4]] == [0, 1, 2, 3]
        assert {up["data"] for up in me.of("up")} == {"VbQ="}
        assert {up["devAddr"] for up in me.of("up")} == {me.of("up")[0]["devAddr"]}
        assert len({up["deduplicationId"] for up in me.of("up")}) == len(me.of("up"))


async def test_an_uplink_looks_like_one_that_a_gateway_heard() -> None:
    async with client() as me:
        await me.uplinks(1)
        up = me.of("up")[0]
        assert up["deviceInfo"]["devEui"] == DEVICE.dev_eui
        assert (up["dr"], up["fPort"], up["confirmed"]) == (5, 2, False)
        assert up["txInfo"]["modulation"]["lora"]["spreadingFactor"] == 7
        assert up["txInfo"]["frequency"] in range(867_100_000, 868_500_001, 200_000)
        assert -125 < up["rxInfo"][0]["rssi"] < -30
        assert len(up["rxInfo"][0]["gatewayId"]) == 16


async def test_a_downlink_waits_for_the_uplink_and_the_acknowledgement_for_the_one_after() -> None:
    async with client("1 Hz") as me:
        written: list[tuple[str, float]] = []
        me.emulated.store.watch(lambda name, value: written.append((name, value)))
        await me.uplinks(1)
        await asyncio.sleep(0.3)  # the window of that uplink is over: now nothing may reach the device
        me.enqueue(b"\x42", "7b2b9f3e-0000-4000-8000-000000000001")
        await eventually(lambda: me.of("ack"), "the acknowledgement")
        kinds = [kind for kind, _ in me.events]
        assert kinds == ["up", "up", "txack", "up", "ack"]
        assert written == [("opening", 33.0)]
        ack, txack = me.of("ack")[0], me.of("txack")[0]
        assert ack["acknowledged"] is True
        assert ack["queueItemId"] == txack["queueItemId"] == "7b2b9f3e-0000-4000-8000-000000000001"
        assert ack["fCntDown"] == txack["fCntDown"]
        assert ack["deduplicationId"] == me.of("up")[-1]["deduplicationId"]


async def test_queued_downlinks_go_out_one_for_each_uplink_in_order() -> None:
    async with client() as me:
        written: list[float] = []
        me.emulated.store.watch(lambda _, value: written.append(value))
        for opening in (10, 20, 30):
            me.enqueue(bytes([opening * 2]), confirmed=False)
        await eventually(lambda: len(written) == 3, "three downlinks")
        assert written == [10, 20, 30]
        sent = [txack["fCntDown"] for txack in me.of("txack")]
        assert sent == sorted(set(sent))
        assert me.of("ack") == []
        kinds = [kind for kind, _ in me.events if kind in ("up", "txack")]
        assert "txack txack" not in " ".join(kinds)


async def test_a_value_outside_its_limits_or_on_a_strange_port_does_not_move_the_device() -> None:
    async with client() as me:
        written: list[float] = []
        me.emulated.store.watch(lambda _, value: written.append(value))
        me.enqueue(b"\xff")  # 127.5 %
        me.enqueue(b"\x10", f_port=99)
        me.enqueue(b"")
        me.enqueue(b"\x10")
        await eventually(lambda: len(me.of("ack")) == 4, "all acknowledged by the radio")
        assert written == [8.0]


async def test_an_expired_or_oversized_downlink_is_logged_and_never_sent() -> None:
    async with client() as me:
        me.enqueue(b"\x10", "7b2b9f3e-0000-4000-8000-00000000000e", expires_ns=1)
        me.enqueue(bytes(243), "7b2b9f3e-0000-4000-8000-00000000000f")
        await eventually(lambda: len(me.of("log")) == 2, "both logged")
        expired, oversized = me.of("log")
        assert (expired["level"], expired["code"]) == ("ERROR", "EXPIRED")
        assert expired["context"] == {"queue_item_id": "7b2b9f3e-0000-4000-8000-00000000000e"}
        assert (oversized["level"], oversized["code"]) == ("ERROR", "DOWNLINK_PAYLOAD_SIZE")
        assert oversized["context"]["max_payload_size"] == "242"
        assert oversized["context"]["item_size"] == "243"
        assert me.of("txack") == []


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"devEui":"0000000000000000","fPort":1,"data":"qg=="}'])
async def test_a_command_that_cannot_be_read_changes_nothing(payload: bytes) -> None:
    async with client() as me:
        me.raw(payload)
        await me.uplinks(3)
        assert {kind for kind, _ in me.events} == {"up"}


async def test_out_of_range_nothing_is_heard_and_the_counter_shows_the_gap() -> None:
    async with client() as me:
        await me.uplinks(1)
        me.plugs["dut"].unplug()
        await asyncio.sleep(1.0)
        heard = len(me.of("up"))
        me.plugs["dut"].plug()
        await me.uplinks(heard + 1)
        counters = [up["fCnt"] for up in me.of("up")]
        assert counters[heard] - counters[heard - 1] >= 2


async def test_a_downlink_that_never_reached_the_device_is_given_up_at_its_next_uplink() -> None:
    async with client("1 Hz") as me:
        await me.uplinks(1)
        await asyncio.sleep(0.3)
        me.enqueue(b"\x42")
        await me.uplinks(2)
        me.plugs["dut"].unplug()  # it leaves between its uplink and its window
        await eventually(lambda: me.of("txack"), "the downlink taken by the gateway")
        await asyncio.sleep(0.3)  # it is sent, and not heard
        me.plugs["dut"].plug()
        await eventually(lambda: me.of("ack"), "the verdict")
        assert me.of("ack")[0]["acknowledged"] is False


async def test_the_same_seed_gives_the_same_device_and_every_device_its_own_address() -> None:
    async def identities() -> list[str]:
        devices = [make_device("lorawan/vent-valve", "chirpstack+mqtt://127.0.0.1", name) for name in "ab"]
        async with emulate(*devices) as emulated:
            return [emulated[name].device.wire.path for name in "ab"]

    assert await identities() == ["/1/70b3d57ed0000001", "/1/70b3d57ed0000002"] == await identities()


async def test_two_devices_with_one_dev_eui_are_refused() -> None:
    devices = [make_device("lorawan/vent-valve", WIRE, name) for name in "ab"]
    with pytest.raises(UsageError, match=r"b and a have the same DevEUI 70b3d57ed0000001"):
        async with emulate(*devices):
            pytest.fail("it must not start")


async def test_a_reading_that_is_no_number_or_off_the_scale_is_sent_as_a_sensor_would() -> None:
    async with client() as me:
        me.emulated.store.set("position", float("nan"))
        me.emulated.store.set("battery", 1e9)
        await me.uplinks(1)
        assert me.of("up")[0]["data"] == "AP8="


@pytest.mark.needs_system("mosquitto")
async def test_an_emulator_ends_with_its_broker_when_it_is_killed() -> None:
    clock = SystemClock()
    device = make_device(quick_profile(), WIRE)
    wires: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        context = EmulatorContext(clock, random.Random(2), SystemPlaces(Path(folder)))
        task = asyncio.create_task(serve([EmulatedDevice(device, Store(device))], context, wires.__setitem__))
        await eventually(lambda: wires or task.done(), "the emulator ready")
        assert broker_pid(Path(folder)), "the broker's process"
        os.kill(broker_pid(Path(folder)), signal.SIGKILL)
        with pytest.raises(LinkError, match="mosquitto on port"):
            await asyncio.wait_for(task, 10)
    clock.close()


def broker_pid(folder: Path) -> int:
    """Return the process that was started with the configuration in `folder`."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"{folder}/mosquitto-".encode() in entry.read_bytes():
                return int(entry.parent.name)
    return 0
