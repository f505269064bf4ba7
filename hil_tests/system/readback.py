"""Reads emulated devices back with other people's code, to see where their actuators really stand."""

from __future__ import annotations

import base64
import json
import queue
import struct

import paho.mqtt.client as mqtt
import serial
from cobs import cobs
from pymodbus.client import ModbusTcpClient

from testbed.bench import parse_wire


def heater(wire: str) -> tuple[float, bool]:
    """Return the chamber's heater duty in % and whether its contactor is closed."""
    with ModbusTcpClient("127.0.0.1", port=parse_wire(wire).port or 0) as client:
        registers = client.read_holding_registers(0, count=2, device_id=1).registers
        enabled = client.read_coils(0, count=1, device_id=1).bits[0]
        return client.convert_from_registers(registers, client.DATATYPE.FLOAT32), enabled


def fan_speed(wire: str) -> float:
    """Return the speed in rpm that the fan reports: type, sequence, float32, uint16, CRC-16."""
    with serial.Serial(parse_wire(wire).path, timeout=2) as port:
        frame = cobs.decode(port.read(200).split(b"\0")[-2])
    return struct.unpack_from("<f", frame, 2)[0]


def vent_position(wire: str) -> float:
    """Return the position in % that the vent reports with its next uplink."""
    parsed = parse_wire(wire)
    _, application, device = parsed.path.split("/")
    heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: heard.put(message.payload)
    client.connect(parsed.host, parsed.port or 0)
    client.subscribe(f"application/{application}/device/{device}/event/up")
    client.loop_start()
    try:
        uplink = json.loads(heard.get(timeout=15))
    finally:
        client.disconnect()
        client.loop_stop()
    return base64.b64decode(uplink["data"])[0] * 0.5
