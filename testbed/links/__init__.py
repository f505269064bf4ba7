"""Open wires, in three shapes only: byte streams, messages (MQTT) and attributes (GATT)."""

from .base import AttributeLink, ByteLink, Direction, LinkLost, MessageLink, Tap, no_tap
from .memory import memory_pair
from .pty import PtyEnd
from .serial import open_serial
from .stream import StreamLink
from .tcp import listen_tcp, open_tcp

__all__ = [
    "AttributeLink",
    "ByteLink",
    "Direction",
    "LinkLost",
    "MessageLink",
    "PtyEnd",
    "StreamLink",
    "Tap",
    "listen_tcp",
    "memory_pair",
    "no_tap",
    "open_serial",
    "open_tcp",
]
