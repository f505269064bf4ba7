"""A run's samples at a real broker, as a client of another make hears them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiomqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.support import eventually
from testbed.bench import BenchFileError, load_bench
from testbed.clock import SystemClock
from testbed.emulators.broker import Broker, open_broker
from testbed.protocols.mqtt.packets import head_of, length_bytes, publish
from testbed.session.publish import Publisher, publishing
from testbed.signals import Event, Hub, Quality, Sample

pytestmark = pytest.mark.needs_system("mosquitto")

BENCH = """
bench: rig
devices:
  sensor: {{profile: mqtt/climate-sensor, wire: "mqtt://127.0.0.1:1/hall/sensor"}}
mqtt: {{url: "mqtt://127.0.0.1:{port}", {more}}}
"""


@dataclass
class Published:
    """What comes out at the broker, and a way to put samples in."""

    hub: Hub
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def write_bench(folder: Path, port: int, more: str = "retain: false") -> Path:
    file = folder / "bench.yaml"
    file.write_text(BENCH.format(port=port, more=more))
    return file


@contextlib.asynccontextmanager
async def published(folder: Path, port: int, more: str = "retain: false") -> AsyncIterator[Published]:
    bench, clock = load_bench(write_bench(folder, port, more), {}), SystemClock()
    assert bench.mqtt is not None
    publisher = Publisher(bench, bench.mqtt, {})
    found = Published(Hub(len(bench.signals), lambda subscriber, error: None))
    publisher.listen(found.hub)
    async with publishing(publisher, clock, found.events.append):
        yield found
    clock.close()


@contextlib.asynccontextmanager
async def heard_by_another(broker: Broker, found: Published) -> AsyncIterator[None]:
    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            found.heard.append((message.topic.value, message.payload))

    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe("#")
        task = asyncio.create_task(listen(client))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_each_sample_is_a_message_with_value_time_and_quality(tmp_path: Path) -> None:
    async with (
        open_broker(tmp_path) as broker,
        published(tmp_path, broker.port) as found,
        heard_by_another(broker, found),
    ):
        found.hub.publish(Sample(0, 5, 21.25))
        found.hub.publish(Sample(1, 6, float("nan"), Quality.BAD, 'offline: "gone"'))
        await eventually(lambda: len(found.heard) == 2, "both")
    assert [topic for topic, _ in found.heard] == [
        "testbed/rig/sensor/temperature",
        "testbed/rig/sensor/humidity",
    ]
    good, bad = (json.loads(payload) for _, payload in found.heard)
    assert good == {"value": 21.25, "time_ns": 5, "quality": "good"}
    assert bad == {"value": None, "time_ns": 6, "quality": "bad", "reason": 'offline: "gone"'}


async def test_without_a_signal_in_the_topic_what_came_together_is_one_message(tmp_path: Path) -> None:
    async with (
        open_broker(tmp_path) as broker,
        published(tmp_path, broker.port, 'topic: "lab/{device}"') as found,
        heard_by_another(broker, found),
    ):
        for time_ns in (5, 6):
            found.hub.publish(Sample(0, time_ns, 21.0))
            found.hub.publish(Sample(1, time_ns, 40.0))
        await eventually(lambda: len(found.heard) == 2, "both")
    assert [(topic, json.loads(payload)) for topic, payload in found.heard] == [
        ("lab/sensor", {"time_ns": time_ns, "temperature": 21.0, "humidity": 40.0}) for time_ns in (5, 6)
    ]


async def test_values_by_themselves_are_kept_for_later_subscribers(tmp_path: Path) -> None:
    async with open_broker(tmp_path) as broker:
        async with published(tmp_path, broker.port, "payload: value, retain: true") as found:
            for value in (20.0, float("nan"), 21.0):  # no value has no word here
                found.hub.publish(Sample(0, 5, value))
        async with heard_by_another(broker, found):
            await eventually(lambda: found.heard, "the kept one")
    assert found.heard == [("testbed/rig/sensor/temperature", b"21.0")]


async def test_a_killed_broker_is_told_once_and_what_waited_is_published_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with open_broker(tmp_path) as broker:
        port = broker.port
        async with published(tmp_path, port) as found:
            await asyncio.sleep(0.1)
            os.kill(broker.pid, signal.SIGKILL)
            await eventually(lambda: found.events, "the loss")
            for count in range(1000):
                found.hub.publish(Sample(0, count, float(count)))
            (tmp_path / "again").mkdir()
            async with open_broker(tmp_path / "again", port=port) as again, heard_by_another(again, found):
                await eventually(lambda: len(found.heard) == 1000, "all that waited")
                told = [event.text.split(":")[0] for event in found.events]
    assert [json.loads(payload)["time_ns"] for _, payload in found.heard] == list(range(1000))
    assert told == ["samples are not published", "samples are published to mqtt"]


# Packets and the section --------------------------------------------------------------------------


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.binary(max_size=20_000), st.booleans()
)
def test_a_packet_is_taken_apart_as_the_standard_says(topic: str, payload: bytes, retain: bool) -> None:
    packet = publish(head_of(topic), payload, retain)
    size, shift, at = 0, 0, 1
    while True:
        size |= (packet[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not packet[at - 1] & 0x80:
            break
    body = packet[at:]
    end = 2 + int.from_bytes(body[:2], "big")
    assert packet[0] == (0x31 if retain else 0x30)
    assert (size, body[2:end].decode(), body[end:]) == (len(body), topic, payload)


def test_lengths_are_those_of_the_standard() -> None:
    table = {0: "00", 127: "7f", 128: "8001", 16383: "ff7f", 16384: "808001", 268435455: "ffffff7f"}
    assert {length: length_bytes(length).hex() for length in table} == table


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('topic: "lab/{signal}"', "needs {device}"),
        ('topic: "lab/{room}/{device}"', "none of bench, device, signal"),
        ('topic: "lab/#/{device}"', "has +, # or NUL"),
        ('topic: "lab/{device}", payload: value', "needs {signal}"),
        ("payload: xml", "'json' or 'value'"),
    ],
)
def test_a_section_that_cannot_work_is_refused(tmp_path: Path, more: str, words: str) -> None:
    with pytest.raises(BenchFileError) as caught:
        load_bench(write_bench(tmp_path, 1883, more), {})
    assert words in str(caught.value)


def test_a_password_in_the_file_is_refused(tmp_path: Path) -> None:
    file = write_bench(tmp_path, 1883)
    file.write_text(file.read_text().replace("mqtt://127.0.0.1:1883", "mqtt://me:secret@broker"))
    with pytest.raises(BenchFileError, match="stands in the environment") as caught:
        load_bench(file, {})
    assert "secret" not in str(caught.value)
