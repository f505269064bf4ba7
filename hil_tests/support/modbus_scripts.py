"""Modbus devices that answer as a test tells them, on TCP and on a serial line."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from hil_tests.support import make_device
from testbed.bench.device import Device
from testbed.bench.profile import Profile, load_profile
from testbed.clock import SystemClock
from testbed.links import PtyEnd, StreamLink, listen_tcp
from testbed.protocols.modbus import TcpReader, rtu, tcp

# `a` and `b` have the same shape on the wire: only their order tells their answers apart on a line.
PAIR = """
profile: pair
protocol: modbus
signals:
  a:     {input: 0, type: float32, rate: 50 Hz}
  b:     {input: 10, type: float32, rate: 50 Hz}
  power: {holding: 0, type: float32, access: write, safe: 0}
  mode:  {holding: 2, type: int16, access: write, safe: 0}
  pump:  {coil: 0, access: write, safe: 0}
"""
READ_A, READ_B = bytes.fromhex("04 0000 0002"), bytes.fromhex("04 000A 0002")
A, B = 1.5, 2.5


def profile_of(folder: Path, text: str = PAIR) -> Profile:
    file = folder / "profile.yaml"
    file.write_text(text)
    return load_profile(file)


def held(value: float) -> bytes:
    return b"\x04\x04" + struct.pack(">f", value)


def honest(pdu: bytes) -> list[bytes]:
    """What a well-behaved device answers."""
    if pdu[0] == 1:
        return [b"\x01\x01\x00"]
    if pdu[0] == 4:
        return [held(A if pdu == READ_A else B)]
    return [pdu[:5]]


class Script:
    """A device whose answers a test can change: PDU in, list of answer PDUs out (none: silence)."""

    def __init__(self) -> None:
        self.answer: Callable[[bytes], list[bytes]] = honest
        self.asked: list[bytes] = []
        self.raw: Callable[[bytes], None] = lambda data: None

    def ask(self, pdu: bytes) -> list[bytes]:
        self.asked.append(pdu)
        return self.answer(pdu)


class TcpScript(Script):
    """The same on TCP; `requests` holds (transaction id, unit, PDU)."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[int, int, bytes]] = []
        self.unit = 1
        self._links: list[StreamLink] = []

    def accept(self, link: StreamLink) -> Any:
        reader = TcpReader()
        self.raw = link.write

        def received(time_ns: int, data: bytes) -> None:
            for number, unit, pdu in reader.feed(data):
                self.requests.append((number, unit, pdu))
                for answer in self.ask(pdu):
                    link.write(tcp.encode_frame(number, self.unit, answer))

        return received, lambda reason: None


@contextlib.asynccontextmanager
async def tcp_script(
    folder: Path, options: str = "", text: str = PAIR
) -> AsyncIterator[tuple[TcpScript, Device]]:
    clock, script = SystemClock(), TcpScript()
    async with listen_tcp("127.0.0.1", 0, clock, script.accept) as port:
        yield script, make_device(profile_of(folder, text), f"modbus+tcp://127.0.0.1:{port}?unit=1{options}")
    clock.close()


@contextlib.asynccontextmanager
async def rtu_script(
    folder: Path, options: str = "", text: str = PAIR
) -> AsyncIterator[tuple[Script, Device]]:
    clock, script = SystemClock(), Script()
    reader = rtu.RtuServerReader(1)

    def received(time_ns: int, data: bytes) -> None:
        for _, pdu in reader.feed(time_ns, data):
            for answer in script.ask(pdu):
                port.write(rtu.encode_frame(1, answer))

    port = PtyEnd(folder / "port", clock, received)
    script.raw = port.write
    port.plug()
    try:
        wire = f"modbus+rtu://{port.path}?unit=1&baud=115200&parity=N{options}"
        yield script, make_device(profile_of(folder, text), wire)
    finally:
        port.unplug()
        clock.close()


def in_turn(script: Script, seconds: Callable[[bytes], float]) -> Callable[[bytes], list[bytes]]:
    """Return what answers requests strictly one after the other, each taking its time, as a device does."""
    loop = asyncio.get_running_loop()
    free = [0.0]

    def answer(pdu: bytes) -> list[bytes]:
        free[0] = max(free[0], loop.time()) + seconds(pdu)
        loop.call_at(free[0], script.raw, rtu.encode_frame(1, honest(pdu)[0]))
        return []

    return answer
