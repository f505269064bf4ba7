"""A controller for scripts: sends what it is told at the times it is told, and keeps what it hears."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from testbed.links.base import Direction
from testbed.links.played import Delivery, Dialect, Divergence, Loss, Opened, Rules, Script

MS = 1_000_000

Frame = tuple[int, Direction, bytes]


def rx(ms: float, data: bytes) -> Frame:
    return round(ms * MS), Direction.RX, data


def tx(ms: float, data: bytes) -> Frame:
    return round(ms * MS), Direction.TX, data


def mark(ms: float, direction: Direction, reason: str = "") -> Frame:
    return round(ms * MS), direction, reason.encode()


@dataclass
class Played:
    """What a controller heard, and when, and how it left the recording."""

    heard: list[tuple[int, Delivery | Loss]] = field(default_factory=list)
    divergences: list[Divergence] = field(default_factory=list)

    @property
    def bytes(self) -> list[tuple[int, bytes]]:
        """(recorded time, bytes) of what was delivered."""
        return [(each.time_ns, each.data) for _, each in self.heard if isinstance(each, Delivery)]

    @property
    def told(self) -> list[str]:
        return [each.words(0) for each in self.divergences]


class Controller:
    """Plays a script and hands time on; the link is opened first."""

    def __init__(
        self,
        frames: Iterable[Frame],
        dialect: Dialect,
        *,
        end_ms: float = 1e6,
        rules: Rules | None = None,
        opened: bool = True,
    ) -> None:
        self.played = Played()
        self.script = Script(
            iter(frames),
            dialect,
            end_ns=round(end_ms * MS),
            diverged=self.played.divergences.append,
            rules=rules,
        )
        if opened:
            assert isinstance(self.script.open(0), Opened)

    def until(self, ms: float) -> None:
        """Take what comes until then, each as soon as the script has it."""
        now_ns = round(ms * MS)
        while (due_ns := self.script.next_due()) is not None and due_ns <= now_ns:
            self.played.heard += [(due_ns, each) for each in self.script.due(due_ns)]

    def send(self, ms: float, data: bytes) -> None:
        self.until(ms)
        self.script.sent(round(ms * MS), data)
        self.played.heard += [(round(ms * MS), each) for each in self.script.due(round(ms * MS))]

    def end(self, ms: float) -> Played:
        self.until(ms)
        self.script.finish(round(ms * MS))
        return self.played


def play(frames: Iterable[Frame], dialect: Dialect, sent: Iterable[Frame], **options: float) -> Played:
    """Return what becomes of a controller that sends the TX frames of `sent`."""
    controller = Controller(frames, dialect, **options)  # type: ignore[arg-type]
    last_ms = 0.0
    for time_ns, direction, data in sent:
        last_ms = time_ns / MS
        if direction is Direction.TX:
            controller.send(last_ms, data)
    return controller.end(last_ms + 2000)
