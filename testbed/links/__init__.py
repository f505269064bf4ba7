"""Open wires, in three shapes only: byte streams, messages (MQTT) and attributes (GATT)."""

from .base import AttributeLink, ByteLink, Direction, LinkLost, MessageLink, Tap, Will, no_tap
from .memory import memory_pair
from .opener import Opener
from .opening import SystemOpener, Wires
from .pty import PtyEnd
from .serial import open_serial
from .stream import StreamLink
from .switchboard import Switchboard
from .tcp import listen_tcp, open_tcp

__all__ = [
    "AttributeLink",
    "ByteLink",
    "Direction",
    "LinkLost",
    "MessageLink",
    "Opener",
    "PtyEnd",
    "StreamLink",
    "Switchboard",
    "SystemOpener",
    "Tap",
    "Will",
    "Wires",
    "listen_tcp",
    "memory_pair",
    "no_tap",
    "open_serial",
    "open_tcp",
]
