"""All that pages, API and metrics share: the sessions, who follows them, the run in hand."""

from __future__ import annotations

from pathlib import Path

import msgspec

from .access import Doorkeeper
from .archive import Archive
from .follow import Follower
from .followed import Message
from .hands import Hands


class House:
    """One page server's parts."""

    def __init__(self, folder: Path, doorkeeper: Doorkeeper, hands: Hands, running: str = "") -> None:
        """Begin with nobody followed; `running` is the session of the run that `hands` reach."""
        self.archive = Archive(folder)
        self.doorkeeper = doorkeeper
        self.hands = hands
        self.running = running
        self._followers: dict[str, Follower] = {}

    def follower(self, name: str) -> Follower:
        """Return the one that follows a session; raises NoSuchSession."""
        if name not in self._followers:
            path = self.archive.path(name)
            self._followers[name] = Follower(path, self._standing if name == self.running else dict)
        return self._followers[name]

    def controllable(self, name: str) -> bool:
        """Whether the run of this session can be controlled from here."""
        return name == self.running and self.hands.standing is not None

    async def close(self) -> None:
        """Follow nothing any more."""
        for follower in self._followers.values():
            await follower.close()

    def _standing(self) -> Message:
        standing = self.hands.standing
        return {"standing": None if standing is None else msgspec.to_builtins(standing)}
