"""The peer: what a bench engineer writes by hand today, in one asyncio script.

pyserial-asyncio reads the thermometers, a small PID computes, pymodbus' async client writes, aiomqtt
publishes each cycle. It is written the way their documentation shows: connect everything, then gather
one task a loop, each on a connection of its own, and nothing that slows it down on purpose. (Its loops
therefore wake together; who spreads them by hand gains latency and is on the way to a scheduler.)
Run by benchmarks/loops.py.

    python -m benchmarks.handwritten RATE SECONDS MODBUS_PORT MQTT_PORT PORT...
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

import aiomqtt
import serial_asyncio
from pymodbus.client import AsyncModbusTcpClient


class Pid:
    """The textbook controller with clamped output and integral."""

    def __init__(self, kp: float, ki: float, low: float, high: float) -> None:
        self.kp, self.ki, self.low, self.high = kp, ki, low, high
        self.integral = 0.0

    def step(self, setpoint: float, measured: float, dt: float) -> float:
        error = setpoint - measured
        self.integral = min(self.high, max(self.low, self.integral + self.ki * error * dt))
        return min(self.high, max(self.low, self.kp * error + self.integral))


@dataclass
class Loop:
    """One connected loop: its thermometer and its actuator."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    client: AsyncModbusTcpClient
    pid: Pid
    latencies: list[tuple[float, float]] = field(default_factory=list)
    """When a write was acknowledged, and how long after the device's answer, in seconds."""


async def connect(number: int, port: str, modbus: int) -> Loop:
    reader, writer = await serial_asyncio.open_serial_connection(url=port, baudrate=115200)
    client = AsyncModbusTcpClient("127.0.0.1", port=modbus)
    await client.connect()
    return Loop(number, reader, writer, client, Pid(2.0, 0.5, 0.0, 1000.0))


async def control(loop: Loop, mqtt: aiomqtt.Client, rate: float, end: float) -> None:
    period = 1 / rate if rate else 0.0
    due = time.monotonic()
    while time.monotonic() < end:
        loop.writer.write(b"MEAS:TEMP?\n")
        async with asyncio.timeout(1.0):  # a silent thermometer must not hang the loop for ever
            measured = float(await loop.reader.readline())
        output = loop.pid.step(25.0, measured, period)
        await loop.client.write_register(0, int(output * 10), device_id=loop.number + 1)
        acknowledged = time.monotonic()
        loop.latencies.append((acknowledged, acknowledged - measured))
        await mqtt.publish(f"bench/loop/{loop.number}", json.dumps({"y": measured, "u": output}))
        due += period
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def main(rate: float, seconds: float, modbus: int, broker: int, ports: list[str]) -> None:
    loops = [await connect(number, port, modbus) for number, port in enumerate(ports)]
    async with aiomqtt.Client("127.0.0.1", broker) as mqtt:
        end = time.monotonic() + seconds
        await asyncio.gather(*(control(loop, mqtt, rate, end) for loop in loops))
    for loop in loops:
        loop.writer.close()
        loop.client.close()
    print(json.dumps([each for loop in loops for each in loop.latencies]))


if __name__ == "__main__":
    rate, seconds, modbus, broker, *ports = sys.argv[1:]
    asyncio.run(main(float(rate), float(seconds), int(modbus), int(broker), ports))
