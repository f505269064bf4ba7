"""What the recorded bytes of a session say, by the protocol and the profile of each device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from testbed.bench import BenchFileError, Profile, parse_wire
from testbed.bench.document import parse_document
from testbed.bench.plugins import find_part
from testbed.bench.profile import read_profile
from testbed.errors import DamagedInput, TestbedError
from testbed.links import Direction
from testbed.links.gatt_frames import decode_frame
from testbed.links.messages import decode_message
from testbed.protocols.meaning import Meaning, not_understood

from .file import Frame, SessionReader

GROUP = "testbed.describers"
"""Entry points by wire scheme, or by protocol for wires that are plain streams."""

_OURS = {
    "modbus+tcp": "testbed.protocols.modbus.describe:TcpDescriber",
    "modbus+tls": "testbed.protocols.modbus.describe:TcpDescriber",
    "modbus+rtu": "testbed.protocols.modbus.describe:RtuDescriber",
    "modbus+rtu+tcp": "testbed.protocols.modbus.describe:RtuDescriber",
    "modbus+ascii": "testbed.protocols.modbus.describe:AsciiDescriber",
    "modbus+ascii+tcp": "testbed.protocols.modbus.describe:AsciiDescriber",
    "scpi": "testbed.protocols.scpi.describe:ScpiDescriber",
    "cobs": "testbed.protocols.cobs.describe:CobsDescriber",
    "text": "testbed.protocols.text.describe:TextDescriber",
    "ble": "testbed.protocols.gatt.describe:GattDescriber",
    "mqtt": "testbed.protocols.mqtt.describe:MqttDescriber",
    "sparkplug": "testbed.protocols.sparkplug.describe:SparkplugDescriber",
    "lorawan": "testbed.protocols.lorawan.describe:LorawanDescriber",
}

_WIRED = ("mqtt", "sparkplug")
"""Whose describers need the wire, too: it holds the topics."""

_MARK_SHOWN = 120  # characters of what a device offers, or of why a link was lost

Describe = Callable[[Frame], list[Meaning]]


class Interpreter:
    """Says what frames mean; everything it needs stands in the session itself."""

    def __init__(self, session: SessionReader) -> None:
        devices = session.meta().get("devices")
        self._devices: dict[str, Any] = devices if isinstance(devices, dict) else {}
        self._session = session
        self._describers: dict[str, Callable[[], Describe]] = {}

    def describe(self, device: str, frames: Iterable[Frame]) -> list[list[Meaning]]:
        """Return what each of some consecutive frames of a device says.

        What an answer says follows from its question, so frames should begin some before those wanted.
        """
        if device not in self._describers:
            self._describers[device] = self._describer(device)
        begin = self._describers[device]
        describe = begin()
        found = []
        for frame in frames:
            if frame.direction.is_mark:
                describe = begin()  # a new link owes nothing to the one before
                found.append(_mark(frame))
            else:
                found.append(describe(frame))
        return found

    def frames(self, device: str) -> Iterator[Frame]:
        """Yield the frames of a device, as they passed."""
        return self._session.frames(device)

    def profile(self, device: str) -> Profile | None:
        """Return the profile that a device was recorded with; None when the session does not hold it."""
        name = self._told(device).get("profile")
        try:
            text = self._session.attachment(f"profiles/{name}.yaml").decode()
            return read_profile(parse_document(f"{name}.yaml", text))
        except (KeyError, UnicodeDecodeError, BenchFileError, DamagedInput):
            return None

    def _told(self, device: str) -> dict[str, Any]:
        told = self._devices.get(device)
        return told if isinstance(told, dict) else {}

    def _describer(self, device: str) -> Callable[[], Describe]:
        """Return what makes a describer that knows of nothing yet."""
        profile = self.profile(device)
        if profile is None:
            return lambda: partial(_unknown, "the session does not hold the device's profile")
        scheme = str(self._told(device).get("wire")).partition("://")[0]
        kind = scheme if profile.protocol == "modbus" else profile.protocol
        try:
            make = find_part(GROUP, _OURS, kind, "nobody describes")
            if kind in _WIRED:
                make = partial(make, wire=parse_wire(str(self._told(device).get("wire"))))
            make(profile)
        except (TestbedError, ValueError) as error:
            why = str(error).splitlines()[0]
            return lambda: partial(_unknown, why)
        adapter = _ADAPTERS.get(kind, _stream)
        return lambda: partial(adapter, make(profile))


def _stream(describer: Any, frame: Frame) -> list[Meaning]:
    found: list[Meaning] = describer.describe(frame.direction is Direction.TX, frame.data)
    return found


def _message(describer: Any, frame: Frame) -> list[Meaning]:
    try:
        topic, payload = decode_message(frame.data)
    except ValueError as error:
        return _unknown(f"no message: {error}", frame)
    return [_whole(describer.describe(frame.direction is Direction.TX, topic, payload), frame)]


def _attribute(describer: Any, frame: Frame) -> list[Meaning]:
    try:
        exchange = decode_frame(frame.data)
    except DamagedInput as error:
        return _unknown(str(error), frame)
    operation = exchange.opcode.name.lower().replace("_", " ")
    return [_whole(describer.describe(operation, exchange.characteristic, exchange.value), frame)]


_ADAPTERS = {"lorawan": _message, "mqtt": _message, "sparkplug": _message, "ble": _attribute}


def _whole(meaning: Meaning, frame: Frame) -> Meaning:
    return replace(meaning, start=0, end=len(frame.data))


def _unknown(why: str, frame: Frame) -> list[Meaning]:
    return [not_understood(0, frame.data, len(frame.data), why)]


def _mark(frame: Frame) -> list[Meaning]:
    opened = frame.direction is Direction.OPEN
    text = frame.data.decode("utf-8", "backslashreplace")
    if len(text) > _MARK_SHOWN:
        text = text[:_MARK_SHOWN] + " ..."
    words = ("link opened" if opened else "link lost") + (f": {text}" if text else "")
    return [Meaning(0, len(frame.data), words)]


def bytes_text(frame: Frame, most: int = 24) -> str:
    """Return a frame's bytes in hexadecimal, shortened to `most` of them."""
    return frame.data[:most].hex(" ") + (f" ... {len(frame.data)} bytes" if len(frame.data) > most else "")


def meaning_text(meanings: Sequence[Meaning]) -> str:
    """Return what a frame says as one line."""
    return "; ".join(meaning.text for meaning in meanings)
