"""Frames told apart by what they ask for: without sequence and checksum."""

from __future__ import annotations

from collections.abc import Hashable

from testbed.protocols.crc import Crc
from testbed.protocols.mask import Asked, Heard, noise

from .frames import ANSWER, FIRST_COMMAND, BadFrame, Frame, decode_frame, encode_frame


class CobsMask:
    """A command's type and sequence tell which answer is its own; all else comes unasked."""

    def __init__(self, crc: Crc) -> None:
        self._crc = crc

    def requests(self, data: bytes) -> list[Asked]:
        """Return the commands in `data`."""
        found = []
        for piece in _pieces(data):
            frame = self._frame(piece)
            if frame is None:
                found.append(noise(piece))
            else:
                content = bytes((frame.kind,)) + frame.payload
                found.append(Asked(len(piece), frame.kind, content, (frame.kind, frame.sequence)))
        return found

    def answers(self, data: bytes) -> list[Heard]:
        """Return the frames in `data`, damaged ones too."""
        found = []
        for piece in _pieces(data):
            frame = self._frame(piece)
            asked = frame is not None and frame.kind >= FIRST_COMMAND | ANSWER
            found.append(
                Heard(len(piece), (frame.kind & ~ANSWER, frame.sequence) if frame and asked else None)
            )
        return found

    def patched(self, answer: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return the answer with the sequence of `asked` and the checksum that goes with it."""
        assert isinstance(asked, tuple)  # noqa: S101  (a tag of ours)
        frame = self._frame(answer)
        assert frame is not None  # noqa: S101  (only whole frames have a tag)
        return encode_frame(Frame(frame.kind, asked[1], frame.payload), self._crc)

    def _frame(self, piece: bytes) -> Frame | None:
        if len(piece) == 1:
            return None
        frame = decode_frame(piece[:-1], self._crc)
        return None if isinstance(frame, BadFrame) else frame


def _pieces(data: bytes) -> list[bytes]:
    """Return what stands before each delimiter, with it."""
    return [piece + b"\0" for piece in data.split(b"\0")[:-1]]
