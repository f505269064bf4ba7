"""Where a replayed controller asked its device for something else than it did in the recording."""

from __future__ import annotations

from typing import Any, NamedTuple

from testbed.links.played import Divergence


class ScriptParting(NamedTuple):
    """A divergence from a device's script."""

    device: str
    divergence: Divergence

    def words(self, start_ns: int) -> str:
        """Return it for people, with times in seconds since `start_ns`."""
        return f"{self.device}: {self.divergence.words(start_ns)}"

    def as_dict(self, start_ns: int) -> dict[str, Any]:
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
            "text": self.words(start_ns),
        }
