"""A board on a pty in the hands of a test: it speaks and acknowledges when it is told to."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

from hil_tests.support import make_device
from hil_tests.support.far_end import far_end
from hil_tests.support.profiles import profile_of
from testbed.bench.device import Device
from testbed.links import PtyEnd
from testbed.protocols.cobs import ANSWER, Frame, FrameReader, encode_frame
from testbed.protocols.crc import CATALOGUE

_CRC, _OTHER_CRC = CATALOGUE["crc16-ccitt-false"], CATALOGUE["crc16-modbus"]

# Slow enough that the test, and no timer, decides when a frame comes.
PROFILE = profile_of("""
profile: test/board
protocol: cobs
signals:
  speed: {telemetry: 0x01, offset: 0, type: float32, unit: rpm, access: notify, rate: 1 Hz}
  pwm: {command: 0x10, type: uint16, scale: 0.01, unit: "%", access: write, limits: [0, 100], safe: 5}
""")


class Board:
    """Sends `speed` on `say`; hears `pwm` and acknowledges it unless `mute`."""

    def __init__(self, port: PtyEnd, name: str) -> None:
        self.port = port
        self.device: Device = make_device(PROFILE, f"serial://{port.path}", name)
        self.heard: list[float] = []
        self.mute = False
        self._unanswered: list[Frame] = []
        self._reader = FrameReader(_CRC)
        self._sequence = 0

    def say(self, speed: float) -> None:
        """Send telemetry."""
        self.port.write(encode_frame(Frame(0x01, self._sequence, struct.pack("<f", speed)), _CRC))
        self._sequence = (self._sequence + 1) & 0xFF

    def garble(self) -> None:
        """Send a frame whose CRC is wrong."""
        self.port.write(encode_frame(Frame(0x01, self._sequence, struct.pack("<f", 1.0)), _OTHER_CRC))
        self._sequence = (self._sequence + 1) & 0xFF

    def answer(self) -> None:
        """Acknowledge what was heard and not answered yet."""
        for frame in self._unanswered:
            self.port.write(encode_frame(Frame(frame.kind | ANSWER, frame.sequence, b"\0"), _CRC))
        self._unanswered.clear()

    def received(self, data: bytes) -> None:
        for frame in self._reader.feed(data):
            assert isinstance(frame, Frame)
            self.heard.append(struct.unpack("<H", frame.payload)[0] / 100)
            self._unanswered.append(frame)
        if not self.mute:
            self.answer()


@contextlib.contextmanager
def board(name: str = "dut") -> Iterator[Board]:
    """Plug in a board."""
    made: list[Board] = []
    with far_end(lambda _, data: made[0].received(data)) as port:
        made.append(Board(port, name))
        yield made[0]
