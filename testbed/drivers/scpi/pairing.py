"""Which question a line answers. SCPI answers do not say what they answer.

After a timeout the answer may still come, and would be taken as that of the next question; so would
every one after it. Therefore, once an answer is missing or unexpected, nothing is asked but *IDN?
until the instrument's identity comes back: its text is known since the connection was made and is no
possible answer to anything else. What arrives before it is late and dropped. An identity that arrives
when nobody waits for it is late as well.
"""

from __future__ import annotations

import contextlib
from enum import Enum

from testbed.protocols.scpi import ErrorEntry, Line, parse_number

IDENTIFY = "*IDN?"


class Heard(Enum):
    """What a line is."""

    IDENTITY = "identity"
    """What *IDN? answers."""
    ANSWER = "answer"
    """To the question asked last."""
    STRAY = "stray"
    """Nobody asked for it, or not any more."""


class Pairing:
    """Follows what is sent and heard in one connection, without I/O."""

    def __init__(self) -> None:
        self.identity = ""
        """What *IDN? answered first; empty until then."""
        self._waiting = False

    def sent(self, message: str) -> None:
        """Note a message; its last line may be a question, and *IDN? is one of our own."""
        question = message.rpartition("\n")[2]
        if question == IDENTIFY:
            self._waiting = False
        elif question.endswith("?"):
            self._waiting = True

    def gave_up(self) -> None:
        """Note that the answer is no longer waited for."""
        self._waiting = False

    def heard(self, line: Line) -> Heard:
        """Say what a line is; one who joins later knows no identity until it is asked for again."""
        if not self.identity and not self._waiting:
            if not line.text or _is_late(line.text):
                return Heard.STRAY
            self.identity = line.text
            return Heard.IDENTITY
        if line.text == self.identity:
            return Heard.IDENTITY
        if self._waiting:
            self._waiting = False
            return Heard.ANSWER
        return Heard.STRAY


def _is_late(text: str) -> bool:
    """Whether a line is what polls and error queries answer, and so no identity."""
    for parse in (parse_number, ErrorEntry.parse):
        with contextlib.suppress(ValueError):
            parse(text)
            return True
    return False
