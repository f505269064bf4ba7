"""The devices of the loop benchmark, in a process of their own: thermometers on ptys, a Modbus server.

Both controllers under test meet the same devices, and the devices hold the stop watch: from the moment
a thermometer has answered to the moment the matching register is written. So neither controller
measures itself.

    python -m benchmarks.devices COUNT   prints {"ports": [...], "modbus": PORT}; a line on stdin ends
    the measurement and prints the results
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


class Watch:
    """When each loop's sample went out, and how long until its command came in."""

    def __init__(self, count: int) -> None:
        self.answered = [0] * count
        self.latencies: list[int] = []

    def start(self) -> None:
        self.latencies.clear()
        self.answered = [0] * len(self.answered)

    def sample(self, loop: int) -> None:
        self.answered[loop] = time.monotonic_ns()

    def command(self, loop: int) -> None:
        if self.answered[loop]:
            self.latencies.append(time.monotonic_ns() - self.answered[loop])
            self.answered[loop] = 0


class Thermometer:
    """Answers MEAS:TEMP? and *IDN? on a pty; the temperature wanders, so that commands differ."""

    def __init__(self, number: int, watch: Watch) -> None:
        self._number = number
        self._watch = watch
        self._asked = 0
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
                self._asked += 1
                os.write(self._fd, b"%.3f\n" % (20 + self._asked % 100 * 0.01))
                self._watch.sample(self._number)
            elif line.strip().upper() == b"*IDN?":
                os.write(self._fd, b"BENCH,TH,%d,1.0\n" % self._number)
            elif line.strip():
                os.write(self._fd, b'0,"No error"\n')


class Registers(asyncio.Protocol):
    """Echoes writes of single registers (function 6) and answers reads (3, 4) with zeros; unit = loop + 1."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        while len(data) >= 12:
            transaction, _, length, unit, function, _, value = _HEADER.unpack_from(data)
            frame, data = data[: 6 + length], data[6 + length :]
            if function == 6:
                self._watch.command(unit - 1)
                self._transport.write(frame)
            else:
                body = struct.pack(">HHHBBB", transaction, 0, 3 + 2 * value, unit, function, 2 * value)
                self._transport.write(body + bytes(2 * value))
        self._data = data


async def main(count: int) -> None:
    loop = asyncio.get_running_loop()
    watch = Watch(count)
    thermometers = [Thermometer(number, watch) for number in range(count)]
    server = await loop.create_server(lambda: Registers(watch), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"ports": [each.port for each in thermometers], "modbus": port}), flush=True)
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if line.strip() == "start":
            watch.start()
            continue
        print(json.dumps({"latencies": watch.latencies}), flush=True)
        if not line:
            return
        watch.start()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
