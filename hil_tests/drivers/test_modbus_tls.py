"""Modbus/TCP Security: the driver at pymodbus' secured server, pymodbus' client at our secured device."""

from __future__ import annotations

import contextlib
import ssl
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTlsClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.server import ModbusTlsServer

from hil_tests.support import DriverLog, Emulated, emulate, eventually, make_device, run_driver
from testbed.bench.device import Device
from testbed.emulators.certificates import Authority, Issued
from testbed.protocols.modbus.role import ROLE, encode_role, role_of
from testbed.signals import Outcome, Quality
from testbed.testing.contract import CommandContract

from .test_modbus import chamber_behaves, free_port, simulated

CHAMBER = "modbus/thermal-chamber"


@dataclass
class Plant:
    """An authority, what it issued for a device and for controllers, and one that nobody here trusts."""

    ca: Path
    device: Issued
    operator: Issued
    viewer: Issued
    plain: Issued
    stranger: Issued


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    authority = Authority(tmp_path_factory.mktemp("plant"), "plant")
    roles = {name: {ROLE: encode_role(name)} for name in ("operator", "viewer")}
    return Plant(
        authority.ca,
        authority.issue("device", "127.0.0.1"),
        authority.issue("operator", extensions=roles["operator"]),
        authority.issue("viewer", extensions=roles["viewer"]),
        authority.issue("plain"),
        Authority(tmp_path_factory.mktemp("elsewhere"), "elsewhere").issue("stranger"),
    )


def with_files(ca: Path | str, ours: Issued | None) -> str:
    return f"&ca={ca}" + (f"&cert={ours.cert}&key={ours.key}" if ours else "")


# The driver against pymodbus' server --------------------------------------------------------------------


@contextlib.asynccontextmanager
async def pymodbus_secured(plant: Plant, lowest: ssl.TLSVersion) -> AsyncIterator[tuple[int, Any]]:
    """A server that asks for certificates, as the standard has it; pymodbus' own context does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(plant.device.cert, plant.device.key)
    context.load_verify_locations(plant.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = lowest
    port = free_port()
    server = ModbusTlsServer(simulated(), address=("127.0.0.1", port), sslctx=context)
    await server.serve_forever(background=True)
    try:
        yield port, server
    finally:
        await server.shutdown()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_pymodbus_secured_server_is_read_and_driven(plant: Plant, version: ssl.TLSVersion) -> None:
    async with pymodbus_secured(plant, version) as (port, server):
        wire = f"modbus+tls://127.0.0.1:{port}?unit=1&inflight=1{with_files(plant.ca, plant.operator)}"
        async with run_driver(make_device(CHAMBER, wire)) as log:
            await chamber_behaves(log, server)


async def refusal(device: Device) -> str:
    """What a driver says, once, of a device that it does not reach."""
    async with run_driver(device, wait_online=False) as log:
        await eventually(lambda: log.events, "the refusal")
        assert log.kinds() == ["offline"]
        assert log.of("temperature")[-1].quality is Quality.BAD
        return log.events[0].text


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("who", ["stranger", None])
async def test_a_server_that_hangs_up_without_a_word_may_not_trust_us(
    plant: Plant, version: ssl.TLSVersion, who: str | None
) -> None:
    async with pymodbus_secured(plant, version) as (port, _):
        ours = getattr(plant, who) if who else None
        wire = f"modbus+tls://127.0.0.1:{port}?unit=1{with_files(plant.ca, ours)}"
        assert "it may not trust our certificate" in await refusal(make_device(CHAMBER, wire))


async def test_a_device_that_is_not_the_one_named_is_not_talked_to(plant: Plant, tmp_path: Path) -> None:
    async with pymodbus_secured(plant, ssl.TLSVersion.TLSv1_3) as (port, _):
        other = Authority(tmp_path, "other").ca
        wire = f"modbus+tls://127.0.0.1:{port}?unit=1{with_files(other, plant.operator)}"
        assert "the other end's certificate is not trusted" in await refusal(make_device(CHAMBER, wire))
        wire = f"modbus+tls://127.0.0.2:{port}?unit=1{with_files(plant.ca, plant.operator)}"
        assert "127.0.0.2" in await refusal(make_device(CHAMBER, wire))


async def test_a_device_without_tls_is_said_to_have_none() -> None:
    async with emulate(make_device(CHAMBER, "modbus+tcp://h:1?unit=1")) as emulated:
        port = emulated["dut"].device.wire.port
        text = await refusal(make_device(CHAMBER, f"modbus+tls://127.0.0.1:{port}?unit=1"))
    assert "no secure connection" in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("&ca=/no/such.pem", "cannot read the certificates in /no/such.pem: No such file"),
        ("&cert=/no/such.pem", "cannot use our certificate /no/such.pem: No such file"),
    ],
)
async def test_a_wrong_file_is_named(options: str, says: str) -> None:
    assert says in await refusal(make_device(CHAMBER, f"modbus+tls://127.0.0.1:1?unit=1{options}"))


# pymodbus' client against our device --------------------------------------------------------------------


async def asked(emulated: Emulated, ours: Issued, ca: str = "") -> Any:
    """What pymodbus gets when it asks our device for its temperature, and sets its heater."""
    wire = emulated["dut"].device.wire
    context = ssl.create_default_context(cafile=ca or wire.options["ca"])
    context.load_cert_chain(ours.cert, ours.key)
    client = AsyncModbusTlsClient(wire.host, port=wire.port or 0, sslctx=context, timeout=1, retries=0)
    assert await client.connect()
    try:
        words = list(struct.unpack(">2H", struct.pack(">f", 37.5)))
        await client.write_registers(0, words, device_id=1)
        return await client.read_input_registers(0, count=2, device_id=1)
    finally:
        client.close()


@contextlib.asynccontextmanager
async def secured_chamber(plant: Plant, role: str) -> AsyncIterator[Emulated]:
    options = with_files(plant.ca, plant.operator) + (f"&role={role}" if role else "")
    async with emulate(make_device(CHAMBER, f"modbus+tls://10.0.0.5:802?unit=1{options}")) as emulated:
        emulated["dut"].store.set("temperature", 41.25)
        yield emulated


async def test_pymodbus_secured_client_reads_and_writes_our_device(plant: Plant) -> None:
    async with secured_chamber(plant, "operator") as emulated:
        found = await asked(emulated, plant.operator)
        assert struct.unpack(">f", struct.pack(">2H", *found.registers)) == (41.25,)
        assert emulated["dut"].store.read("heater_duty") == 37.5


@pytest.mark.parametrize("who", ["viewer", "plain"])
async def test_without_the_role_everything_is_an_illegal_function(plant: Plant, who: str) -> None:
    async with secured_chamber(plant, "operator") as emulated:
        found = await asked(emulated, getattr(plant, who))
        assert (found.isError(), found.exception_code) == (True, 1)
        assert emulated["dut"].store.read("heater_duty") == 0.0


async def test_whom_our_device_does_not_know_gets_no_answer(plant: Plant) -> None:
    async with secured_chamber(plant, "") as emulated:
        with pytest.raises(ModbusIOException, match="No response"):
            await asked(emulated, plant.stranger)


@pytest.mark.parametrize(("who", "says"), [("stranger", "unknown ca"), (None, "certificate required")])
async def test_our_device_says_why_it_lets_nobody_in(plant: Plant, who: str | None, says: str) -> None:
    async with secured_chamber(plant, "") as emulated:
        wire = emulated["dut"].device.wire
        files = with_files(wire.options["ca"], getattr(plant, who) if who else None)
        assert says in await refusal(
            make_device(CHAMBER, f"modbus+tls://127.0.0.1:{wire.port}?unit=1{files}")
        )


# Both ends ours --------------------------------------------------------------------------------------------


async def test_a_bench_whose_secrets_are_elsewhere_runs_emulated() -> None:
    wire = "modbus+tls://10.0.0.5:802?unit=1&ca=/away/ca.pem&cert=/away/us.pem&key=/away/us.key&role=operator"
    async with emulate(make_device(CHAMBER, wire)) as emulated, run_driver(emulated["dut"].device) as log:
        await works(log)


async def works(log: DriverLog) -> None:
    await eventually(lambda: log.good("temperature"), "a sample")
    command = log.command("heater_duty", 37.5)
    await eventually(lambda: not command.pending, "the outcome")
    assert command.outcome is Outcome.ACKNOWLEDGED


async def test_a_certificate_without_the_wire_s_role_is_found_before_anything_is_sent(plant: Plant) -> None:
    options = with_files(plant.ca, plant.viewer)
    device = make_device(CHAMBER, f"modbus+tls://127.0.0.1:1?unit=1{options}&role=operator")
    text = await refusal(device)
    assert f"our certificate {plant.viewer.cert} has the role viewer, not operator" in text


def test_a_role_is_read_from_the_certificate(plant: Plant) -> None:
    def role(issued: Issued) -> str:
        return role_of(ssl.PEM_cert_to_DER_cert(issued.cert.read_text()))

    assert [role(each) for each in (plant.operator, plant.viewer, plant.plain)] == ["operator", "viewer", ""]


class TestSecured(CommandContract):
    profile = CHAMBER
    wire = "modbus+tls://127.0.0.1:802?unit=1&role=operator&cert=/away/us.pem"
    readable, value = "temperature", 42.5
    writable, wanted = "heater_duty", 37.5
    absent = "modbus+tls://127.0.0.1:1?unit=1"
