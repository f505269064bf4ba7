"""What LoRaWAN tests share: a quick profile, a hand-played network server, the events that it sends."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from chirpstack_api.integration import integration_pb2 as schema

from testbed.bench.profile import SHIPPED, Profile, load_profile
from testbed.bench.wires import Wire
from testbed.clock import SystemClock
from testbed.emulators.broker import Broker, open_broker
from testbed.links.base import MessageReceived
from testbed.links.mqtt import MqttLink, open_mqtt
from testbed.protocols.lorawan.chirpstack import parse_downlink, print_event
from testbed.protocols.lorawan.events import Downlink
from testbed.protocols.lorawan.things_stack import ThingsAddress, parse_downlinks, parse_topic, printed
from testbed.protocols.lorawan.topics import DeviceAddress

DEVICE = DeviceAddress("1", "70b3d57ed0000001")
THING = ThingsAddress("app1@ttn", "vent-1")
THING_WIRE = "ttn+mqtt://127.0.0.1:1/app1%40ttn/vent-1"
WIRE = f"chirpstack+mqtt://127.0.0.1:1/{DEVICE.application}/{DEVICE.dev_eui}"


def quick_profile(rate: str = "2.5 Hz", rx1_delay: str = "0.1 s") -> Profile:
    """Return the shipped vent valve, sending often, as only a shielded box allows."""
    shipped = load_profile(SHIPPED / "lorawan" / "vent-valve.yaml")
    signals = {
        name: spec if spec.rate is None else spec.model_copy(update={"rate": rate})
        for name, spec in shipped.signals.items()
    }
    options = {**shipped.options, "duty_cycle": "100 %", "rx1_delay": rx1_delay}
    return replace(shipped, signals=signals, options=options)


@dataclass
class HandPlayedServer:
    """A network server that does only what the test tells it."""

    link: MqttLink
    downlinks: list[Downlink] = field(default_factory=list)

    def up(self, f_cnt: int, data: bytes = b"\x55\xb4", f_port: int = 2, dev_addr: str = "00189440") -> None:
        """Send an uplink event."""
        self.send("up", schema.UplinkEvent(dev_addr=dev_addr, f_cnt=f_cnt, f_port=f_port, data=data))

    def ack(self, item_id: str, acknowledged: bool = True) -> None:
        """Settle a confirmed downlink."""
        self.send("ack", schema.AckEvent(queue_item_id=item_id, acknowledged=acknowledged))

    def send(self, kind: str, event: Any) -> None:
        """Send an event of the device."""
        event.device_info.dev_eui = DEVICE.dev_eui
        self.raw(kind, print_event(event))

    def raw(self, kind: str, payload: bytes) -> None:
        """Send whatever."""
        self.link.publish(DEVICE.event(kind), payload)


@dataclass
class HandPlayedStack:
    """The Things Stack, as far as the test tells it."""

    link: MqttLink
    commands: list[tuple[str, bytes]] = field(default_factory=list)
    """Kind (down/push, down/replace) and payload."""

    @property
    def downlinks(self) -> list[Downlink]:
        """What was pushed."""
        pushed = [text for kind, text in self.commands if kind == "down/push"]
        return [each for text in pushed for each in parse_downlinks(THING.downlink, text)]

    def up(self, f_cnt: int, data: bytes = b"\x55\xb4", f_port: int = 2) -> None:
        """Send an uplink event."""
        payload = base64.b64encode(data).decode()
        self.send("up", "uplink_message", {"f_cnt": f_cnt, "f_port": f_port, "frm_payload": payload})

    def about(self, kind: str, item_id: str) -> None:
        """Send an event about a downlink: ack, nack, sent."""
        ids = ["as:downlink:01E19B99501X84X6CV471TVSZ1", f"testbed:{item_id}"]
        self.send(f"down/{kind}", f"downlink_{kind}", {"f_port": 10, "correlation_ids": ids})

    def send(self, kind: str, key: str, event: dict[str, Any]) -> None:
        """Send an event of the device."""
        ids = {"device_id": THING.device_id, "dev_addr": "260B1234"}
        self.link.publish(THING.event(kind), printed({"end_device_ids": ids, key: event}))


@contextlib.asynccontextmanager
async def hand_played() -> AsyncIterator[tuple[Broker, HandPlayedServer]]:
    """Run a broker and a hand-played ChirpStack at it."""
    server = HandPlayedServer(None)  # type: ignore[arg-type]  # the link needs its handler first

    def received(_: int, topic: str, data: bytes) -> None:
        server.downlinks.append(parse_downlink(topic, data))

    async with _linked([DEVICE.downlink], received) as (broker, server.link):
        yield broker, server


@contextlib.asynccontextmanager
async def hand_played_stack() -> AsyncIterator[tuple[Broker, HandPlayedStack]]:
    """Run a broker and a hand-played The Things Stack at it."""
    server = HandPlayedStack(None)  # type: ignore[arg-type]  # the link needs its handler first

    def received(_: int, topic: str, data: bytes) -> None:
        server.commands.append((parse_topic(topic)[1], data))

    async with _linked([THING.downlink, THING.replacement], received) as (broker, server.link):
        yield broker, server


@contextlib.asynccontextmanager
async def _linked(topics: list[str], received: MessageReceived) -> AsyncIterator[tuple[Broker, MqttLink]]:
    clock = SystemClock()
    try:
        with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
            async with open_broker(Path(folder)) as broker:
                link = await open_mqtt(
                    Wire("mqtt", broker.host, broker.port),
                    clock,
                    subscriptions=topics,
                    received=received,
                    lost=lambda reason: None,
                )
                task = asyncio.create_task(link.run())
                try:
                    yield broker, link
                finally:
                    link.close()
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
    finally:
        clock.close()
