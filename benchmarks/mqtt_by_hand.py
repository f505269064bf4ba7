"""The peer: 50 registers read with pymodbus' async client and published with aiomqtt, as both show it.

Run by benchmarks/wires_mqtt.py:

    python -m benchmarks.mqtt_by_hand each|one RATE SECONDS MODBUS_PORT MQTT_PORT

`each` publishes a message for every register, `one` a message for every read.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiomqtt
from pymodbus.client import AsyncModbusTcpClient

COUNT = 50


async def main(form: str, rate: float, seconds: float, modbus: int, broker: int) -> None:
    client = AsyncModbusTcpClient("127.0.0.1", port=modbus)
    await client.connect()
    async with aiomqtt.Client("127.0.0.1", broker) as mqtt:
        due = time.monotonic()
        end = due + seconds
        while time.monotonic() < end:
            registers = (await client.read_input_registers(0, count=COUNT, device_id=1)).registers
            now = time.time_ns()
            if form == "one":
                values = {f"r{number}": value for number, value in enumerate(registers)}
                await mqtt.publish("bench/dut", json.dumps({"time_ns": now, **values}))
            else:
                for number, value in enumerate(registers):
                    message = json.dumps({"value": value, "time_ns": now, "quality": "good"})
                    await mqtt.publish(f"bench/dut/r{number}", message)
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
    client.close()


if __name__ == "__main__":
    form, *numbers = sys.argv[1:]
    rate, seconds, modbus, broker = (float(number) for number in numbers)
    asyncio.run(main(form, rate, seconds, int(modbus), int(broker)))
