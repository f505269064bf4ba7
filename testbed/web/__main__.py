"""The page's process, as a run starts it: settings are a JSON line on standard input, whose end ends us."""

from __future__ import annotations

import os
import signal
import sys

import msgspec
import uvloop

from .server import serve
from .settings import Settings


def main() -> None:
    """Serve what the settings say."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run; we end when it has ended
    settings = msgspec.json.decode(_first_line(), type=Settings)
    uvloop.run(serve(settings, leashed=True))


def _first_line() -> bytes:
    """Read without a buffer: what follows is for the event loop."""
    line = bytearray()
    descriptor = sys.stdin.fileno()
    while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)


if __name__ == "__main__":
    main()
