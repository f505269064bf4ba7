"""Lines as a recording plays them: nothing is asked, everything comes by itself."""

from __future__ import annotations

from collections.abc import Hashable

from testbed.protocols.mask import Asked, Heard, noise


class TextMask:
    """No line is the answer to anything."""

    def requests(self, data: bytes) -> list[Asked]:
        """Return what was sent: noise, for nothing is ever asked."""
        return [noise(data)] if data else []

    def answers(self, data: bytes) -> list[Heard]:
        """Return the lines in `data`."""
        return [Heard(len(line) + 1) for line in data.split(b"\n")[:-1]]

    def patched(self, answer: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return the line as it is."""
        return answer
