"""The floor: the barest loops that can do the job, to see what the machine allows at this moment.

Descriptors in reader callbacks under uvloop, our timerfd scheduler with the same staggered phases, a
proportional controller in one line. No protocol, no check, no record, no recovery. Run by
benchmarks/loops.py.

    python -m benchmarks.floor RATE SECONDS MODBUS_PORT PORT...
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
import time
import tty

import uvloop

from testbed.clock import SystemClock

_WRITE = struct.Struct(">HHHBBHH")


class Loop:
    def __init__(self, number: int, port: str, modbus: int, latencies: list[tuple[float, float]]) -> None:
        self._number = number
        self._latencies = latencies
        self._answered = 0.0
        self._count = 0
        self._serial = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._serial)
        self._socket = socket.create_connection(("127.0.0.1", modbus))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._serial, self._measured)
        loop.add_reader(self._socket.fileno(), self._acknowledged)

    def ask(self) -> None:
        os.write(self._serial, b"MEAS:TEMP?\n")

    def _measured(self) -> None:
        self._answered = float(os.read(self._serial, 100))
        self._count += 1
        output = min(1000.0, max(0.0, 2 * (25.0 - self._answered)))
        unit = self._number + 1
        frame = _WRITE.pack(self._count & 0xFFFF, 0, 6, unit, 6, 0, int(output * 10))
        os.write(self._socket.fileno(), frame)

    def _acknowledged(self) -> None:
        os.read(self._socket.fileno(), 100)
        now = time.monotonic()
        self._latencies.append((now, now - self._answered))


async def main(rate: float, seconds: float, modbus: int, ports: list[str]) -> None:
    latencies: list[tuple[float, float]] = []
    clock = SystemClock()
    for number, port in enumerate(ports):
        clock.every(round(1e9 / rate), Loop(number, port, modbus, latencies).ask)
    await asyncio.sleep(seconds)
    print(json.dumps(latencies))


if __name__ == "__main__":
    rate, seconds, modbus, *ports = sys.argv[1:]
    uvloop.run(main(float(rate), float(seconds), int(modbus), ports))
