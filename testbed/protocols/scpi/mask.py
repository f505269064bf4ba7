"""SCPI lines told apart by what they ask for; an answer is for the last question."""

from __future__ import annotations

from collections.abc import Hashable

from testbed.protocols.mask import Asked, Heard

from .blocks import whole_lines

_QUESTION = "question"


class ScpiMask:
    """One line, one request; only a line with a question mark is answered."""

    def requests(self, data: bytes) -> list[Asked]:
        """Return the lines in `data`; a line is about everything before its last parameter."""
        found = []
        for line in whole_lines(data):
            text = line.rstrip(b"\r\n")
            header, space, parameters = text.partition(b" ")
            place = header + space + b",".join(parameters.split(b",")[:-1])
            found.append(Asked(len(line), place, text, _QUESTION if b"?" in text else None))
        return found

    def answers(self, data: bytes) -> list[Heard]:
        """Return the lines in `data`."""
        return [Heard(len(line), _QUESTION) for line in whole_lines(data)]

    def patched(self, answer: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return the answer as it is: nothing in it counts."""
        return answer
