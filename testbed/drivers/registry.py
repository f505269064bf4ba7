"""Which driver speaks which protocol: ours in a table, others through the entry point `testbed.drivers`."""

from __future__ import annotations

from testbed.bench.plugins import find_part
from testbed.errors import UsageError

from .base import Driver

GROUP = "testbed.drivers"

_OURS = {
    "modbus": "testbed.drivers.modbus:ModbusDriver",
    "scpi": "testbed.drivers.scpi:ScpiDriver",
    "cobs": "testbed.drivers.cobs:CobsDriver",
    "text": "testbed.drivers.text:TextDriver",
    "ble": "testbed.drivers.ble:BleDriver",
    "mqtt": "testbed.drivers.mqtt:MqttDriver",
    "sparkplug": "testbed.drivers.sparkplug:SparkplugDriver",
    "lorawan": "testbed.drivers.lorawan:LorawanDriver",
}


def driver_class(protocol: str) -> type[Driver]:
    """Return the driver of a protocol; raises UsageError naming the nearest one known."""
    found = find_part(GROUP, _OURS, protocol, "no driver speaks")
    if not (isinstance(found, type) and issubclass(found, Driver)):
        raise UsageError(f"{found!r} is registered as the driver of {protocol!r} but is no Driver")
    return found
