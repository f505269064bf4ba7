"""What a broker does for its clients: sessions, wills, what it keeps, quality of service, expiry, TLS."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hil_tests.support import eventually
from testbed.bench.wires import parse_wire
from testbed.clock import SystemClock
from testbed.emulators.broker import find_mosquitto, open_broker
from testbed.links import Direction, LinkLost, MessageLink, Switchboard, Will
from testbed.links.broker import check_broker_options
from testbed.links.memory_mqtt import MemoryBroker
from testbed.links.messages import decode_message, encode_message, is_retained
from testbed.links.mqtt import open_mqtt

pytestmark = pytest.mark.needs_system("mosquitto")

each_version = pytest.mark.parametrize("version", ["5", "3.1.1"])


@dataclass
class Client:
    """A client of a broker, and what it heard."""

    link: MessageLink
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    kept: list[tuple[str, bytes]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    frames: list[tuple[Direction, bytes]] = field(default_factory=list)


@contextlib.asynccontextmanager
async def client(
    wire: str, *topics: str, will: Will | None = None, opener: Any = None
) -> AsyncIterator[Client]:
    """Be a client while the block runs, by default of a real broker."""
    clock = SystemClock()
    found = Client(None)  # type: ignore[arg-type]  # the link needs its handlers first
    found.link = await (opener or open_mqtt)(
        parse_wire(wire),
        clock,
        subscriptions=topics,
        received=lambda _, topic, payload: found.heard.append((topic, payload)),
        lost=found.lost.append,
        tap=lambda _, direction, data: found.frames.append((direction, data)),
        retained=lambda _, topic, payload: found.kept.append((topic, payload)),
        will=will,
    )
    task = asyncio.create_task(found.link.run())
    try:
        yield found
    finally:
        found.link.close()
        await task
        clock.close()


@contextlib.asynccontextmanager
async def mosquitto(folder: Path) -> AsyncIterator[str]:
    async with open_broker(folder, "mosquitto") as broker:
        yield f"mqtt://127.0.0.1:{broker.port}"


# What the broker keeps ------------------------------------------------------------------------------


@each_version
async def test_what_was_retained_is_told_apart_and_stands_so_in_the_record(
    tmp_path: Path, version: str
) -> None:
    async with mosquitto(tmp_path) as url, client(url, "other") as first:
        first.link.publish("state", b"old", 1, retain=True)
        first.link.publish("other", b"gone", 1)
        await eventually(lambda: first.heard, "both published")
        async with client(f"{url}?version={version}", "state", "other") as later:
            await eventually(lambda: later.kept, "the kept one")
            first.link.publish("state", b"new", 1, retain=True)
            await eventually(lambda: later.heard, "the live one")
            assert (later.kept, later.heard) == ([("state", b"old")], [("state", b"new")])
            told = [(is_retained(data), decode_message(data)) for _, data in later.frames]
            assert told == [(True, ("state", b"old")), (False, ("state", b"new"))]


def test_the_mark_of_a_retained_message_changes_nothing_else_of_its_frame() -> None:
    plain, kept = encode_message("a/b", b"1"), encode_message("a/b", b"1", retained=True)
    assert decode_message(plain) == decode_message(kept) == ("a/b", b"1")
    assert (is_retained(plain), is_retained(kept)) == (False, True)


@each_version
async def test_a_persistent_session_keeps_what_comes_meanwhile_and_a_clean_one_does_not(
    tmp_path: Path, version: str
) -> None:
    async with mosquitto(tmp_path) as url:
        persistent = f"{url}?version={version}&session=persistent&client=bench-7"
        for wire in (persistent, f"{url}?version={version}"):
            async with client(wire, "to/us"):
                pass
        async with client(url, "done") as other:
            other.link.publish("to/us", b"meanwhile", 1)
            other.link.publish("done", b"", 1)
            await eventually(lambda: other.heard, "both published")
        async with client(persistent, "to/us") as back, client(f"{url}?version={version}", "to/us") as fresh:
            await eventually(lambda: back.heard, "what was kept")
            assert back.heard == [("to/us", b"meanwhile")]
            assert fresh.heard == []


# Last wills -----------------------------------------------------------------------------------------


@each_version
async def test_the_will_of_who_vanishes_is_published_and_kept_and_that_of_who_leaves_is_not(
    tmp_path: Path, version: str
) -> None:
    will = Will("status", b"offline")
    async with mosquitto(tmp_path) as url, client(url, "status") as watch:
        async with client(f"{url}?version={version}", will=will):
            pass
        async with client(f"{url}?version={version}", will=will) as dying:
            dying.link.vanish()
            await eventually(lambda: watch.heard, "the will")
        assert watch.heard == [("status", b"offline")]
        async with client(url, "status") as later:
            await eventually(lambda: later.kept, "the kept will")


# Quality of service ---------------------------------------------------------------------------------


@each_version
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_of_every_quality_each_message_comes_once_and_in_order(
    tmp_path: Path, version: str, qos: int
) -> None:
    async with mosquitto(tmp_path) as url, client(f"{url}?version={version}", "a") as both:
        for number in range(50):
            both.link.publish("a", b"%d" % number, qos)
        await eventually(lambda: len(both.heard) == 50, "all of them")
        assert [int(payload) for _, payload in both.heard] == list(range(50))


async def test_what_has_expired_at_the_broker_is_not_delivered(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as url:
        sleeper = f"{url}?session=persistent&client=sleeper"
        async with client(sleeper, "to/us"):
            pass
        async with client(url, "done") as other:
            other.link.publish("to/us", b"stale command", 1, expiry_s=0.3)  # of whole seconds, the next is 1
            other.link.publish("to/us", b"fresh command", 1, expiry_s=60)
            other.link.publish("done", b"", 1)
            await eventually(lambda: other.heard, "all published")
            await asyncio.sleep(2.1)
        async with client(sleeper, "to/us") as back:
            await eventually(lambda: back.heard, "what is left")
            assert back.heard == [("to/us", b"fresh command")]


async def test_a_broker_that_does_not_speak_5_is_spoken_to_in_3_1_1_unless_the_wire_insists(
    tmp_path: Path,
) -> None:
    async with open_broker(tmp_path, "embedded") as broker:
        url = f"mqtt://127.0.0.1:{broker.port}"
        async with client(url, "a") as both:
            both.link.publish("a", b"1", 1, expiry_s=5)
            await eventually(lambda: both.heard, "the message")
        with pytest.raises(LinkLost, match="Unsupported protocol version"):
            async with client(f"{url}?version=5"):
                pass


# In memory the same ---------------------------------------------------------------------------------


async def test_the_broker_in_memory_keeps_and_publishes_wills_as_mosquitto_does() -> None:
    board = Switchboard()
    board.brokers["memory", 1] = MemoryBroker("memory:1")
    url = "mqtt://memory:1"
    async with client(url, "status", "state", opener=board.mqtt) as watch:
        async with client(url, will=Will("status", b"offline"), opener=board.mqtt) as dying:
            dying.link.publish("state", b"1", retain=True)
            dying.link.vanish()
            await eventually(lambda: len(watch.heard) == 2, "both")
        async with client(url, "#", opener=board.mqtt) as later:
            await eventually(lambda: len(later.kept) == 2, "both again")
            assert sorted(later.kept) == [("state", b"1"), ("status", b"offline")]
            later.link.publish("state", b"", retain=True)
        async with client(url, "#", opener=board.mqtt) as last:
            await eventually(lambda: last.kept, "what is left")
            assert last.kept == [("status", b"offline")]


# Certificates ---------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = self._issue("authority", None)

    def certificate(self, name: str) -> Path:
        """Write NAME.pem with a certificate and its key, and return it."""
        self._issue(name, self.ca)
        return self.folder / f"{name}.pem"

    def _issue(self, name: str, issuer: tuple[Any, Any] | None) -> tuple[Any, Any]:
        import ipaddress

        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if issuer is None else issuer[0].subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .sign(key if issuer is None else issuer[1], hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / f"{name}.crt").write_bytes(pem)
        (self.folder / f"{name}.key").write_bytes(secret)
        (self.folder / f"{name}.pem").write_bytes(pem + secret)
        return certificate, key


@contextlib.asynccontextmanager
async def broker_that_knows_its_clients(folder: Path) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    (folder / "tls.conf").write_text(
        f"listener {port} 127.0.0.1\nuser root\ncafile {folder}/authority.crt\ncertfile {folder}/broker.crt\n"
        f"keyfile {folder}/broker.key\nrequire_certificate true\nuse_identity_as_username true\n"
    )
    binary = find_mosquitto()
    assert binary is not None
    process = await asyncio.create_subprocess_exec(
        binary, "-c", str(folder / "tls.conf"), stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await eventually(lambda: answers(port), "the broker")
        yield port
    finally:
        process.kill()
        await process.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # paho leaves the socket of a refused handshake
async def test_a_broker_that_asks_for_a_certificate_gets_ours(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.certificate("broker")
    own = authority.certificate("bench")
    async with broker_that_knows_its_clients(tmp_path) as port:
        url = f"mqtts://127.0.0.1:{port}?ca={tmp_path}/authority.crt"
        async with client(f"{url}&cert={own}", "a") as known:
            known.link.publish("a", b"sealed", 1)
            await eventually(lambda: known.heard, "the message")
        apart = f"{url}&cert={tmp_path}/bench.crt&key={tmp_path}/bench.key"
        async with client(apart):
            pass
        with pytest.raises(LinkLost):
            async with client(url):
                pass
        with pytest.raises(LinkLost, match=r"cannot use the client's certificate .*nowhere"):
            async with client(f"{url}&cert=/nowhere.pem"):
                pass


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("?version=4", "version=4 is neither 5 nor 3.1.1"),
        ("?session=long", "session=long is neither clean nor persistent"),
        ("?session=persistent", "needs client=NAME"),
        ("?tls=on&key=k.pem", "cert= is missing"),
        ("?cert=c.pem", "needs a wire with TLS"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_broker_options(parse_wire(f"mqtt://broker{options}"))
