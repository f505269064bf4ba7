"""The devices of the loop benchmark, in a process of their own: thermometers on ptys, a Modbus server.

Both controllers under test meet the same devices. A thermometer answers with the time at which it
answers (the system's monotonic clock, in seconds), so whoever has the write acknowledged knows how long
it took since the device spoke. The devices count the writes.

    python -m benchmarks.devices COUNT   prints {"ports": [...], "modbus": PORT}; then for every line on
    stdin it prints how many writes have come so far
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import struct
import sys
import time
import tty

import uvloop

_HEADER = struct.Struct(">HHHBBHH")  # transaction, protocol, length, unit, function, address, value


class Thermometer:
    """Answers MEAS:TEMP? with its clock, and *IDN?, on a pty."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._half = b""
        self._fd, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._fd, False)
        self.port = os.ttyname(self._slave)
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        *lines, self._half = (self._half + os.read(self._fd, 4096)).split(b"\n")
        for line in lines:
            if line.strip().upper() == b"MEAS:TEMP?":
                os.write(self._fd, b"%.6f\n" % time.monotonic())
            elif line.strip().upper() == b"*IDN?":
                os.write(self._fd, b"BENCH,TH,%d,1.0\n" % self._number)
            elif line.strip():
                os.write(self._fd, b'0,"No error"\n')


class Registers(asyncio.Protocol):
    """Echoes writes of single registers (function 6) and answers reads (3, 4) with zeros."""

    writes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = transport.write  # type: ignore[attr-defined]  # uvloop's is no asyncio.Transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        while len(data) >= 12:
            transaction, _, length, unit, function, _, value = _HEADER.unpack_from(data)
            frame, data = data[: 6 + length], data[6 + length :]
            if function == 6:
                Registers.writes += 1
                self._write(frame)
            else:
                body = struct.pack(">HHHBBB", transaction, 0, 3 + 2 * value, unit, function, 2 * value)
                self._write(body + bytes(2 * value))
        self._data = data


async def main(count: int) -> None:
    loop = asyncio.get_running_loop()
    thermometers = [Thermometer(number) for number in range(count)]
    server = await loop.create_server(Registers, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"ports": [each.port for each in thermometers], "modbus": port}), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(Registers.writes, flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
