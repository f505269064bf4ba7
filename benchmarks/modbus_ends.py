"""Both ends of a Modbus/TCP wire, ours and pymodbus', each in a process of its own.

A client reads the same ten input registers as fast as it can and prints how often it did in how many
seconds and with how much CPU; a server prints its port. `load` asks a server as fast as it answers, one
request at a time on each of four connections, without a protocol stack of its own.

All run on uvloop, but for "documented": pymodbus on the event loop of asyncio, as its documentation has
it. Run by benchmarks/wires_modbus.py.

    python -m benchmarks.modbus_ends client testbed|pymodbus|documented INFLIGHT PORT SECONDS
    python -m benchmarks.modbus_ends server testbed|pymodbus|documented
    python -m benchmarks.modbus_ends load PORT SECONDS
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

if TYPE_CHECKING:
    from testbed.bench.device import Device

COUNT = 10
"""Registers of a read: five float32."""

PROFILE = (
    "profile: five\nprotocol: modbus\nsignals:\n"
    + "".join(f"  s{index}: {{input: {2 * index}, type: float32, rate: 1 Hz}}\n" for index in range(5))
)  # fmt: skip
_READ = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0, COUNT)
_WARM_UP = 0.5  # s
_CONNECTIONS = 4


class Reads:
    """Counts reads and stops the clock: only what lies behind the warm-up counts."""

    def __init__(self, seconds: float) -> None:
        self.count = 0
        self.over = False
        self._seconds = seconds

    async def print(self) -> None:
        """Wait out the time, then print what was counted."""
        await asyncio.sleep(_WARM_UP)
        count, cpu, start = self.count, time.process_time(), time.monotonic()
        await asyncio.sleep(self._seconds)
        cpu, seconds = time.process_time() - cpu, time.monotonic() - start
        self.over = True
        told = {"reads": self.count - count, "all": self.count, "cpu": cpu, "seconds": seconds}
        print(json.dumps(told), flush=True)


# Clients ------------------------------------------------------------------------------------------


async def testbed_client(port: int, seconds: float, inflight: int) -> None:
    """Read through the driver's own line and readings: a sample of each signal for every read."""
    from testbed.clock import SystemClock
    from testbed.drivers.modbus.exchanges import Poll
    from testbed.drivers.modbus.medium import Medium
    from testbed.drivers.modbus.opening import open_line
    from testbed.drivers.modbus.readings import Readings, plan_polls
    from testbed.links import SystemOpener, Wires, no_tap
    from testbed.protocols.modbus import layout_of, modbus_wire
    from testbed.signals import Sample

    device = _device(f"modbus+tcp://127.0.0.1:{port}?unit=1&inflight={inflight}")
    clock, reads = SystemClock(), Reads(seconds)
    final = list(device.signals.values())[-1].id
    last: dict[int, Sample] = {}

    class Again(Poll):
        def arrived(self, time_ns: int, pdu: bytes) -> None:
            super().arrived(time_ns, pdu)
            self.tick()

    def publish(sample: Sample) -> None:
        last[sample.signal] = sample
        if sample.signal == final:  # all five of a read have come
            reads.count += 1

    def publish_bad(*told: object) -> None:
        raise RuntimeError(f"no value came: {told}")

    wires = Wires(SystemOpener(), clock, no_tap)
    medium = Medium(clock, inflight)
    line = await open_line(device.wire, modbus_wire(device.wire), medium, clock, wires, lambda reason: None)
    plan = plan_polls(device, layout_of(device.profile))[0]
    for number in range(inflight):
        poll = Again(line, plan, Readings(device, plan, publish, publish_bad))
        poll.key = str(number)  # each is a poll of its own; one key would join them
        poll.tick()
    await reads.print()
    line.close("the end")
    clock.close()


async def pymodbus_client(port: int, seconds: float, inflight: int) -> None:
    """Read as pymodbus' documentation shows, and make the same five numbers of it."""
    from pymodbus.client import AsyncModbusTcpClient

    reads = Reads(seconds)
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()

    async def read() -> None:
        while not reads.over:  # cancelled within a read, this client would go on with the next
            answer = await client.read_input_registers(0, count=COUNT, device_id=1)
            values = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)
            if len(values) != COUNT // 2:
                raise RuntimeError(f"no value came: {answer}")
            reads.count += 1

    reading = asyncio.create_task(read())
    await reads.print()
    await reading
    client.close()


# Servers ------------------------------------------------------------------------------------------


async def testbed_server() -> None:
    """Be an emulated device."""
    from testbed.clock import SystemClock
    from testbed.emulators import EmulatedDevice, EmulatorContext, Store
    from testbed.emulators.modbus import serve
    from testbed.emulators.places import SystemPlaces

    device = _device("modbus+tcp://127.0.0.1:502?unit=1")
    store = Store(device)
    for index, name in enumerate(device.signals):
        store.set(name, index * 1.5)
    context = EmulatorContext(SystemClock(), random.Random(0), SystemPlaces(Path("/nonexistent")))

    def ready(name: str, wire: str) -> None:
        print(wire.partition("?")[0].rpartition(":")[2], flush=True)

    await serve([EmulatedDevice(device, store)], context, ready)


async def pymodbus_server() -> None:
    """Be a device made with pymodbus, which holds the same numbers."""
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    values = [index * 1.5 for index in range(5)]
    device = SimDevice(id=1, simdata=[SimData(0, values=values, datatype=DataType.FLOAT32)])
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    assert server.transport is not None
    print(server.transport.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


class Asking(asyncio.Protocol):
    """Sends the next request when the answer to the last one has come whole."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._heard = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write: Callable[[bytes], None] = transport.write  # type: ignore[attr-defined]  # uvloop's
        self._write(_READ)

    def data_received(self, data: bytes) -> None:
        self._heard += len(data)
        if self._heard >= 9 + 2 * COUNT:
            if self._heard != 9 + 2 * COUNT:
                raise RuntimeError(f"the device answered {data.hex(' ')}")
            self._heard = 0
            self._reads.count += 1
            self._write(_READ)


async def load(port: int, seconds: float) -> None:
    """Ask a server for all that it can give."""
    loop, reads = asyncio.get_running_loop(), Reads(seconds)
    for _ in range(_CONNECTIONS):
        await loop.create_connection(lambda: Asking(reads), "127.0.0.1", port)
    await reads.print()


def _device(wire: str) -> Device:
    from testbed.bench import load_bench

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "five.yaml").write_text(PROFILE)
        bench = Path(folder) / "bench.yaml"
        bench.write_text(f'bench: b\ndevices:\n  dut: {{profile: five.yaml, wire: "{wire}"}}\n')
        return load_bench(bench, {}).devices["dut"]


def main(what: str, *told: str) -> Coroutine[None, None, None]:
    """Return what the command line asks for."""
    if what == "load":
        return load(int(told[0]), float(told[1]))
    if what == "server":
        return testbed_server() if told[0] == "testbed" else pymodbus_server()
    client = testbed_client if told[0] == "testbed" else pymodbus_client
    return client(int(told[2]), float(told[3]), int(told[1]))


if __name__ == "__main__":
    run = asyncio.run if "documented" in sys.argv else uvloop.run
    run(main(*sys.argv[1:]))
