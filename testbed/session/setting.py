"""Where a run takes place: on this machine in real time, in virtual time, in a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.bench import Bench
from testbed.clock import SessionClock, SystemClock
from testbed.links import Opener, SystemOpener

from .file import COMMIT_S
from .metadata import about_host

_VIRTUAL_COMMIT_S = 20.0
"""A virtual run can be made again to the last bit, so that seldom commits cost nobody anything."""


@dataclass(frozen=True)
class Setting:
    """What differs between one kind of run and another; everything else is the same code."""

    mode: str
    """As the session file says it: real, virtual, replay."""
    clock: SessionClock
    opener: Callable[[str], Opener]
    """Returns what opens the wires of a device, by its name."""
    about: Mapping[str, Any]
    """What the session file says of the machine (see `about_host`)."""
    thread: bool = True
    """Whether the session file is written in a thread."""
    commit_s: float = COMMIT_S
    ticks: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """When the first ticks of tickers were due in a recording, to be kept to (see SessionReader.ticks)."""

    @classmethod
    def real(cls, bench: Bench) -> Setting:
        """Return this machine, now."""
        opener = SystemOpener()
        return cls("real", SystemClock(), lambda device: opener, about_host(bench))

    @classmethod
    def virtual(
        cls,
        clock: SessionClock,
        opener: Callable[[str], Opener],
        about: Mapping[str, Any],
        mode: str = "virtual",
        ticks: Mapping[tuple[str, int], int] | None = None,
    ) -> Setting:
        """Return a place in virtual time, without threads."""
        return cls(mode, clock, opener, about, thread=False, commit_s=_VIRTUAL_COMMIT_S, ticks=ticks or {})
