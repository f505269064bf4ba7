"""Where ChirpStack v4 publishes a device's events and takes its commands (its default topic templates)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from testbed.bench.wires import Wire
from testbed.errors import UsageError

_TOPIC = re.compile(r"application/([^/]+)/device/([^/]+)/(event|command)/([^/]+)")
_DEV_EUI = re.compile(r"[0-9a-f]{16}")

ALL_COMMANDS = "application/+/device/+/command/+"
"""What a network server subscribes to."""


@dataclass(frozen=True)
class DeviceAddress:
    """A device of an application; `dev_eui` is 16 hexadecimal digits, lower case as ChirpStack prints it."""

    application: str
    dev_eui: str

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """What a client of this device subscribes to."""
        return (self.event("+"),)

    @property
    def downlink(self) -> str:
        """Where downlinks for the device are enqueued."""
        return f"application/{self.application}/device/{self.dev_eui}/command/down"

    def event(self, kind: str) -> str:
        """Where the server publishes an event: up, join, ack, txack, log, status, location."""
        return f"application/{self.application}/device/{self.dev_eui}/event/{kind}"


def device_address(device: str, wire: Wire) -> DeviceAddress:
    """Return the application and the device in a wire's path; raises UsageError showing a right one."""
    parts = wire.path.strip("/").split("/")
    if wire.host and len(parts) == 2 and re.fullmatch(r"[\w-]+", parts[0]):
        dev_eui = parts[1].lower().replace("-", "")
        if _DEV_EUI.fullmatch(dev_eui):
            return DeviceAddress(parts[0], dev_eui)
    raise UsageError(
        f"{device}: {wire} names no LoRaWAN device; expected chirpstack+mqtt://BROKER:PORT/APPLICATION/DEV_EUI",
        "the DevEUI has 16 hexadecimal digits, for example "
        "chirpstack+mqtt://localhost:1883/17c82e96-be03-4f38-aef3-f83d48582d97/70b3d57ed0000001",
    )


def parse_topic(topic: str) -> tuple[DeviceAddress, str]:
    """Return (device, kind) of an event's or a command's topic; raises ValueError for any other."""
    match = _TOPIC.fullmatch(topic)
    if match is None:
        raise ValueError(f"{topic!r} is no topic of a device: application/ID/device/DEV_EUI/event/KIND")
    return DeviceAddress(match[1], match[2]), match[4]
