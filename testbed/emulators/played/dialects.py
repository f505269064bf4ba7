"""Which dialect a recorded device spoke: ours in a table, others through `testbed.dialects`."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import cast

from testbed.bench.device import Device
from testbed.bench.plugins import find_part
from testbed.links.messages import decode_message, encode_message, is_retained
from testbed.links.played import Dialect
from testbed.links.played.gatt import GattMask
from testbed.protocols.mask import Asked, Heard, noise

GROUP = "testbed.dialects"

_HERE = "testbed.emulators.played.dialects"
_OURS = {
    "modbus": f"{_HERE}:modbus",
    "scpi": f"{_HERE}:scpi",
    "cobs": f"{_HERE}:cobs",
    "text": f"{_HERE}:text",
    "ble": f"{_HERE}:ble",
    "mqtt": f"{_HERE}:mqtt",
    "sparkplug": f"{_HERE}:sparkplug",
    "lorawan": f"{_HERE}:lorawan",
}


def dialect_of(device: Device) -> Dialect:
    """Return how a device's recorded frames are cut and matched; raises UsageError when nobody knows."""
    protocol = device.profile.protocol
    make = cast(Callable[[Device], Dialect], find_part(GROUP, _OURS, protocol, "nothing can replay"))
    return make(device)


def modbus(device: Device) -> Dialect:
    """Return the dialect of Modbus on the device's wire."""
    from testbed.protocols.modbus import FRAMINGS, RTU_FRAMING
    from testbed.protocols.modbus.mask import AsciiMask, RtuMask, TcpMask

    framing = FRAMINGS.get(device.wire.scheme)
    if framing is None:
        return TcpMask()
    return RtuMask() if framing is RTU_FRAMING else AsciiMask()


def scpi(device: Device) -> Dialect:
    """Return the dialect of SCPI."""
    from testbed.protocols.scpi.mask import ScpiMask

    return ScpiMask()


def cobs(device: Device) -> Dialect:
    """Return the dialect of framed telemetry and commands."""
    from testbed.protocols.cobs import CobsProfile
    from testbed.protocols.cobs.mask import CobsMask

    return CobsMask(CobsProfile.of(device.profile).crc)


def text(device: Device) -> Dialect:
    """Return the dialect of lines that come unasked."""
    from testbed.protocols.text.mask import TextMask

    return TextMask()


def ble(device: Device) -> Dialect:
    """Return the dialect of GATT."""
    return GattMask()


def lorawan(device: Device) -> Dialect:
    """Return the dialect of the device's network server."""
    from testbed.protocols.lorawan.mask import ChirpstackMask, ThingsStackMask
    from testbed.protocols.lorawan.servers import THINGS_STACK

    mask = ThingsStackMask() if device.wire.scheme == THINGS_STACK else ChirpstackMask()
    return _Messages(mask.request, lambda topic, payload: mask.answer(payload), mask.patched)


def mqtt(device: Device) -> Dialect:
    """Return the dialect of a device with topics of its own."""
    from testbed.protocols.mqtt.mask import MqttMask

    mask = MqttMask(device.profile, device.wire, device.name)
    return _Messages(mask.request, mask.answer, mask.patched)


def sparkplug(device: Device) -> Dialect:
    """Return the dialect of an edge node."""
    from testbed.protocols.sparkplug.mask import SparkplugMask

    mask = SparkplugMask()
    return _Messages(mask.request, mask.answer, mask.patched)


class _Messages:
    """One recorded frame is one message (see testbed.links.messages)."""

    def __init__(
        self,
        request: Callable[[str, bytes], Asked],
        answer: Callable[[str, bytes], Heard],
        patched: Callable[[bytes, Hashable, Hashable], bytes],
    ) -> None:
        self._request = request
        self._answer = answer
        self._patched = patched

    def requests(self, data: bytes) -> list[Asked]:
        """Return the command."""
        try:
            topic, payload = decode_message(data)
        except ValueError:
            return [noise(data)]
        return [self._request(topic, payload)._replace(size=len(data))]

    def answers(self, data: bytes) -> list[Heard]:
        """Return what the device, or its server, sent."""
        try:
            topic, payload = decode_message(data)
        except ValueError:
            return [Heard(len(data))]
        return [self._answer(topic, payload)._replace(size=len(data))]

    def patched(self, answer: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return it as one of the command `asked`."""
        topic, payload = decode_message(answer)
        return encode_message(topic, self._patched(payload, recorded, asked), is_retained(answer))
