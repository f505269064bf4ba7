"""GATT exchanges as they are recorded (see gatt_frames.py), told apart by what they ask for."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from testbed.errors import DamagedInput
from testbed.links.gatt_frames import AttOpcode, GattFrame, decode_frame

_ANSWERS = {
    AttOpcode.READ_RESPONSE: AttOpcode.READ_REQUEST,
    AttOpcode.WRITE_RESPONSE: AttOpcode.WRITE_REQUEST,
}


class _Asked(NamedTuple):
    size: int
    place: Hashable
    content: bytes
    tag: Hashable


class _Heard(NamedTuple):
    size: int
    tag: Hashable


class GattMask:
    """One recorded frame is one request, answer or notification; ATT allows one request at a time."""

    def requests(self, data: bytes) -> list[_Asked]:
        """Return the request."""
        frame = _frame(data)
        if frame is None:
            return [_Asked(len(data), None, data, None)]
        return [_Asked(len(data), (frame.opcode, frame.characteristic), data, frame.characteristic)]

    def answers(self, data: bytes) -> list[_Heard]:
        """Return the answer to the last request for the same characteristic, or the notification."""
        frame = _frame(data)
        asked = frame is not None and (frame.opcode in _ANSWERS or frame.opcode is AttOpcode.ERROR_RESPONSE)
        return [_Heard(len(data), frame.characteristic if frame and asked else None)]

    def patched(self, answer: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return the answer as it is: nothing in it counts."""
        return answer


def _frame(data: bytes) -> GattFrame | None:
    try:
        return decode_frame(data)
    except DamagedInput:
        return None
