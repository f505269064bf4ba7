"""Where a replayed controller asked its device for something else than it did in the recording."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from testbed.links import Direction
from testbed.links.played import Divergence, Parting, as_text
from testbed.session.describe import Interpreter, bytes_text, meaning_text
from testbed.session.file import Frame, SessionReader

Say = Callable[[str, bytes], str]
"""Puts what a device was sent into words."""


def sayer(session: SessionReader) -> Say:
    """Return what says bytes by the protocols and profiles of a session, beside the bytes themselves."""
    interpreter = Interpreter(session)

    def say(device: str, data: bytes) -> str:
        frame = Frame(0, device, Direction.TX, data)
        (meanings,) = interpreter.describe(device, [frame])
        text = as_text(data)
        return f"{bytes_text(frame) if text is None else repr(text)} ({meaning_text(meanings)})"

    return say


class ScriptParting(NamedTuple):
    """A divergence from a device's script."""

    device: str
    divergence: Divergence

    def words(self, start_ns: int, say: Say | None = None) -> str:
        """Return it for people, with times in seconds since `start_ns`."""
        told = None if say is None else partial(say, self.device)
        return f"{self.device}: {self.divergence.words(start_ns, told)}"

    def as_dict(self, start_ns: int, say: Say | None = None) -> dict[str, Any]:
        """Return it as plain JSON values; `time_s` is since the start of the session."""
        told = self.divergence
        nearest = told.nearest
        return {
            "device": self.device,
            "time_ns": told.time_ns,
            "time_s": (told.time_ns - start_ns) / 1e9,
            "what": told.parting.name.lower(),
            "data": told.data.hex(),
            "nearest": None if nearest is None else {"time_ns": nearest[0], "data": nearest[1].hex()},
            "text": self.words(start_ns, say),
        }

    @classmethod
    def of_dict(cls, told: dict[str, Any]) -> ScriptParting:
        """Return what `as_dict` made plain values of."""
        nearest = told["nearest"]
        divergence = Divergence(
            told["time_ns"],
            Parting[told["what"].upper()],
            bytes.fromhex(told["data"]),
            None if nearest is None else (nearest["time_ns"], bytes.fromhex(nearest["data"])),
        )
        return cls(told["device"], divergence)
