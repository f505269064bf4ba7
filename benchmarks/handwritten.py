"""The peer: what a bench engineer writes by hand today, in one asyncio script.

pyserial-asyncio reads the thermometers, a small PID computes, pymodbus' async client writes, aiomqtt
publishes each cycle. It is written the way their documentation shows, with one task a loop, each on
its own connection, and nothing that slows it down on purpose. Run by benchmarks/loops.py.

    python -m benchmarks.handwritten RATE SECONDS MODBUS_PORT MQTT_PORT PORT...
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

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


async def control(number: int, port: str, modbus: int, mqtt: aiomqtt.Client, rate: float, end: float) -> int:
    reader, writer = await serial_asyncio.open_serial_connection(url=port, baudrate=115200)
    client = AsyncModbusTcpClient("127.0.0.1", port=modbus)
    await client.connect()
    pid = Pid(2.0, 0.5, 0.0, 1000.0)
    period = 1 / rate if rate else 0.0
    due = time.monotonic()
    cycles = 0
    while time.monotonic() < end:
        writer.write(b"MEAS:TEMP?\n")
        measured = float(await reader.readline())
        output = pid.step(25.0, measured, period)
        await client.write_register(0, int(output * 10), device_id=number + 1)
        await mqtt.publish(f"bench/loop/{number}", json.dumps({"y": measured, "u": output}))
        cycles += 1
        due += period
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    writer.close()
    client.close()
    return cycles


async def main(rate: float, seconds: float, modbus: int, broker: int, ports: list[str]) -> None:
    async with aiomqtt.Client("127.0.0.1", broker) as mqtt:
        end = time.monotonic() + seconds
        cycles = await asyncio.gather(
            *(control(number, port, modbus, mqtt, rate, end) for number, port in enumerate(ports))
        )
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cycles": sum(cycles), "cpu": usage.ru_utime + usage.ru_stime}))


if __name__ == "__main__":
    rate, seconds, modbus, broker, *ports = sys.argv[1:]
    asyncio.run(main(float(rate), float(seconds), int(modbus), int(broker), ports))
