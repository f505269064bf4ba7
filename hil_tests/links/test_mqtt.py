"""Messages through a real broker, and what happens when it goes away, freezes or refuses."""

import asyncio
import contextlib
import datetime
import gc
import ipaddress
import os
import signal
import socket
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.support import eventually
from testbed.bench.wires import Wire, parse_wire
from testbed.clock import SystemClock
from testbed.emulators.broker import Broker, find_mosquitto, open_broker
from testbed.links import Direction, LinkLost
from testbed.links.broker import check_broker_options
from testbed.links.messages import decode_message, encode_message
from testbed.links.mqtt import MqttLink, open_mqtt

needs_mosquitto = pytest.mark.needs_system("mosquitto")


@dataclass
class Heard:
    """All that came out of a link."""

    messages: list[tuple[int, str, bytes]] = field(default_factory=list)
    frames: list[tuple[Direction, bytes]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    async def open(self, wire: Wire, clock: SystemClock) -> MqttLink:
        return await open_mqtt(
            wire,
            clock,
            subscriptions=["to/me/#"],
            received=lambda time_ns, topic, payload: self.messages.append((time_ns, topic, payload)),
            lost=self.lost.append,
            tap=lambda _, direction, data: self.frames.append((direction, data)),
        )


Opened = tuple[Broker, MqttLink, Heard, SystemClock]


@contextlib.asynccontextmanager
async def opened(folder: Path, options: str = "") -> AsyncIterator[Opened]:
    """A broker, and a link to it that is not yet run."""
    clock = SystemClock()
    async with open_broker(folder) as broker:
        heard = Heard()
        link = await heard.open(parse_wire(f"mqtt://127.0.0.1:{broker.port}{options}"), clock)
        try:
            yield broker, link, heard, clock
        finally:
            link.close()
    clock.close()


@contextlib.contextmanager
def frozen(pid: int) -> "contextlib._GeneratorContextManager[None]":  # type: ignore[misc]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


# Frames of the tap --------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_characters="+#\0", exclude_categories=["Cs"]), min_size=1), st.binary())
def test_a_message_survives_the_frame(topic: str, payload: bytes) -> None:
    assert decode_message(encode_message(topic, payload)) == (topic, payload)


def test_a_frame_is_the_topics_length_the_topic_and_the_payload() -> None:
    assert encode_message("a/b", b"\x01") == b"\x00\x03a/b\x01"


@pytest.mark.parametrize("topic", ["", "a/+", "#", "nul\0", "x" * 65536])
def test_what_is_no_topic_to_publish_to_is_refused(topic: str) -> None:
    with pytest.raises(ValueError, match="no topic"):
        encode_message(topic, b"")


@given(st.binary(max_size=20))
def test_a_damaged_frame_is_a_value_error_or_a_message(frame: bytes) -> None:
    with contextlib.suppress(ValueError):
        topic, payload = decode_message(frame)
        assert len(topic.encode()) + len(payload) + 2 == len(frame)


# Messages -----------------------------------------------------------------------------------------


@needs_mosquitto
async def test_messages_come_in_order_stamped_and_tapped_both_ways(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, link, heard, clock):
        task = asyncio.create_task(link.run())
        before_ns = clock.now()
        for number in range(20):
            link.publish("to/me/x", bytes([number]), qos=number % 2)
        await eventually(lambda: len(heard.messages) == 20, "all messages")
        assert [payload[0] for _, _, payload in heard.messages] == list(range(20))
        times = [time_ns for time_ns, _, _ in heard.messages]
        assert before_ns < times[0] <= times[-1] < clock.now()
        assert times == sorted(times)
        for direction in (Direction.TX, Direction.RX):
            frames = [data for way, data in heard.frames if way is direction]
            assert frames == [encode_message("to/me/x", bytes([number])) for number in range(20)]
        link.close()
        await task
        assert heard.lost == []
        with pytest.raises(LinkLost, match="closed"):
            link.publish("a", b"")


@needs_mosquitto
async def test_a_receiver_that_fails_is_reported_and_the_link_stays(tmp_path: Path) -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    async with opened(tmp_path) as (broker, link, _, clock):
        broken = await open_mqtt(
            Wire("mqtt", broker.host, broker.port),
            clock,
            subscriptions=["to/me"],
            received=lambda *_: {}["missing"],
            lost=reported.append,
        )
        tasks = [asyncio.create_task(each.run()) for each in (link, broken)]
        link.publish("to/me", b"1")
        link.publish("to/me", b"2")
        await eventually(lambda: len(reported) == 2, "both failures")
        assert all(isinstance(each, KeyError) for each in reported)
        link.close()
        broken.close()
        await asyncio.gather(*tasks)


@needs_mosquitto
async def test_what_nobody_sends_is_bounded(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, link, _, _):
        for _ in range(1000):
            link.publish("a", b"")
        with pytest.raises(LinkLost, match="1000 messages wait unsent"):
            link.publish("a", b"")


# Loss ---------------------------------------------------------------------------------------------


async def test_without_a_broker_the_error_names_the_place_and_the_next_step() -> None:
    clock = SystemClock()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(LinkLost, match=rf"127\.0\.0\.1:{port}(.|\n)*refused(.|\n)*next"):
        await Heard().open(Wire("mqtt", "127.0.0.1", port), clock)
    clock.close()


@needs_mosquitto
async def test_when_the_broker_is_killed_the_loss_is_told_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as (broker, link, heard, _):
        task = asyncio.create_task(link.run())
        os.kill(broker.pid, signal.SIGKILL)
        await task
        assert len(heard.lost) == 1
        assert str(broker.port) in heard.lost[0]
        with pytest.raises(LinkLost):
            link.publish("a", b"")


@needs_mosquitto
async def test_a_broker_that_freezes_is_lost_after_the_keepalive(tmp_path: Path) -> None:
    async with opened(tmp_path, "?keepalive=1") as (broker, link, heard, _):
        with frozen(broker.pid):
            await asyncio.wait_for(link.run(), 20)
        assert len(heard.lost) == 1


@needs_mosquitto
async def test_a_frozen_broker_takes_no_message_and_no_connection_and_nothing_stays_behind(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, "?keepalive=60") as (broker, link, heard, clock):
        with frozen(broker.pid):
            before = asyncio.all_tasks()
            running = asyncio.create_task(link.run())
            link.publish("a", b"", qos=1)
            with pytest.raises(LinkLost, match="timed out"):
                await Heard().open(Wire("mqtt", "127.0.0.1", broker.port), clock)
            await asyncio.wait_for(running, 10)
            await eventually(lambda: asyncio.all_tasks() <= before, "no task left over")
        assert len(heard.lost) == 1
        assert "timed out" in heard.lost[0]


@needs_mosquitto
async def test_cancelled_at_any_turn_neither_the_opening_nor_the_sending_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as (broker, _, _, clock):
        before = asyncio.all_tasks()
        wire = Wire("mqtt", "127.0.0.1", broker.port)

        async def use() -> None:
            link = await Heard().open(wire, clock)
            try:
                for _ in range(10):
                    link.publish("a", b"", qos=1)
                await link.run()
            finally:
                link.close()

        for turns in (*range(0, 400, 5), *range(400, 4000, 100)):
            task = asyncio.create_task(use())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task], timeout=5)
            assert task.cancelled(), f"cancelled after {turns} turns"
        await eventually(lambda: asyncio.all_tasks() <= before, "no task left over")


# Security -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["?tls=yes", "?keepalive=0", "?keepalive=70000", "?keepalive=soon"])
def test_an_option_that_cannot_be_is_refused(options: str) -> None:
    with pytest.raises(ValueError, match=r"mqtt://broker"):
        check_broker_options(parse_wire(f"mqtt://broker{options}"))


@needs_mosquitto
async def test_over_tls_the_brokers_certificate_is_checked(tmp_path: Path) -> None:
    clock = SystemClock()
    certificate = make_certificate(tmp_path)
    async with tls_broker(tmp_path) as port:
        trusting = Heard()
        link = await trusting.open(parse_wire(f"mqtt://127.0.0.1:{port}?tls=on&ca={certificate}"), clock)
        task = asyncio.create_task(link.run())
        link.publish("to/me", b"sealed", qos=1)
        await eventually(lambda: trusting.messages, "the message")
        link.close()
        await task
        with pytest.raises(LinkLost, match="CERTIFICATE_VERIFY_FAILED"):
            await Heard().open(parse_wire(f"mqtt://127.0.0.1:{port}?tls=on"), clock)
        with pytest.raises(LinkLost, match="cannot read the certificates"):
            await Heard().open(parse_wire(f"mqtt://127.0.0.1:{port}?tls=on&ca=/absent.pem"), clock)
    clock.close()
    with warnings.catch_warnings():  # paho leaves the socket of a failed handshake to the collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def make_certificate(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1 that signs itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "cert.pem"


@contextlib.asynccontextmanager
async def tls_broker(folder: Path) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    for file in ("key.pem", "cert.pem"):
        (folder / file).chmod(0o644)
    (folder / "tls.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
        f"certfile {folder}/cert.pem\nkeyfile {folder}/key.pem\n"
    )
    binary = find_mosquitto()
    assert binary is not None
    process = await asyncio.create_subprocess_exec(
        binary, "-c", str(folder / "tls.conf"), stderr=-3, stdout=-3
    )
    try:
        await eventually(lambda: process.returncode is not None or answers(port), "the TLS broker")
        yield port
    finally:
        process.kill()
        await process.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
