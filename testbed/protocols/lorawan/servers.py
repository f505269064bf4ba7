"""The network servers that we know, each reached by a wire of its own: ChirpStack v4, The Things Stack v3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from testbed.bench.wires import Wire

from . import chirpstack, things_stack
from .events import Downlink, Event
from .things_stack import things_address
from .topics import device_address

CHIRPSTACK = "chirpstack+mqtt"
THINGS_STACK = "ttn+mqtt"


class DeviceTopics(Protocol):
    """Where a server speaks of a device."""

    @property
    def subscriptions(self) -> Sequence[str]:
        """What a client of this device subscribes to."""

    @property
    def downlink(self) -> str:
        """Where downlinks for the device are enqueued."""


@dataclass(frozen=True)
class ServedDevice:
    """A device at its network server, and how that server is spoken to."""

    topics: DeviceTopics
    name: str
    """What the server calls it: its DevEUI, or its device id."""
    print_downlink: Callable[[Downlink], bytes]
    qos: int
    """What a downlink is published with."""
    clearing: tuple[str, bytes] | None
    """The message that empties its queue, at a server whose downlinks do not expire by themselves."""


def served_device(device: str, wire: Wire) -> ServedDevice:
    """Return the device that a wire names, at its server; raises UsageError showing a right wire."""
    if wire.scheme == THINGS_STACK:
        address = things_address(device, wire)
        clearing = (address.replacement, things_stack.CLEAR)
        # "The Things Stack supports QoS 0 only"
        return ServedDevice(address, address.device_id, things_stack.print_downlink, 0, clearing)
    topics = device_address(device, wire)
    return ServedDevice(topics, topics.dev_eui, chirpstack.print_downlink, 1, None)


def parse_event(topic: str, payload: bytes) -> Event | None:
    """Return the event in a message of either server, None for one that says nothing about signals.

    Raises ValueError that says what was expected and what came.
    """
    if topic.startswith("v3/"):
        return things_stack.parse_event(topic, payload)
    return chirpstack.parse_event(topic, payload)


def parse_downlinks(topic: str, payload: bytes) -> list[Downlink]:
    """Return the downlinks in a message to either server.

    Raises ValueError that says what was expected and what came.
    """
    if topic.startswith("v3/"):
        return things_stack.parse_downlinks(topic, payload)
    return [chirpstack.parse_downlink(topic, payload)]
