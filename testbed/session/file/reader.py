"""Reads a session: a finished one, one that is being written now, or what a killed one left."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from testbed.signals import Command, Event

from .checks import check
from .columns import FrameChunk
from .contents import UNFINISHED
from .decode import command_of, cycles_of, event_of, frame_chunk_of, frames_of, state_of
from .records import Cycle, Frame, TwinState
from .samples import Samples

__all__ = ["UNFINISHED", "SessionReader"]


_FOREVER = (1 << 63) - 1
_NEWEST = (  # of what stands beside a max, SQLite gives the row that the max is from
    "SELECT * FROM commands WHERE id IN "
    "(SELECT id FROM (SELECT id, max(time_ns) FROM commands {} GROUP BY signal))"
)


class SessionReader(Samples):
    """A session opened read-only.

    Every method reads what is committed at that moment and raises DamagedInput, naming the file and
    what is wrong, when that is not what a session holds: a row that is not as it was written, or rows
    that are missing between others. Iterators read as they go, so a session of any length fits.
    """

    def frame_counts(self) -> dict[str, int]:
        """Return how many frames with bytes each device has; marks (links opened and lost) do not count."""
        with self._guard():
            return dict(self._query("SELECT device, sum(n - marks) FROM frames GROUP BY device"))

    def frames(self, device: str | None = None) -> Iterator[Frame]:
        """Yield the frames and marks of one device, or of all in time order; a device's stay in order."""
        devices = self.frame_counts() if device is None else [device]
        yield from heapq.merge(
            *(self._device_frames(name) for name in devices), key=lambda frame: frame.time_ns
        )

    def frame_chunks(self, device: str) -> Iterator[FrameChunk]:
        """Yield the frames and marks of one device as columns, in order."""
        with self._guard():
            follow = self._follow("frames", device)
            for row in self._query("SELECT * FROM frames WHERE device = ? ORDER BY id", device):
                chunk = frame_chunk_of(row)
                follow.next(chunk.first, len(chunk.times))
                yield chunk
            follow.end()

    def commands(self) -> Iterator[Command]:
        """Yield the settled commands in the order in which they were given."""
        with self._guard():
            yield from map(command_of, self._rows("commands", "time_ns, id"))

    def events(self) -> Iterator[Event]:
        """Yield the events in time order."""
        with self._guard():
            yield from map(event_of, self._rows("events", "time_ns, id"))

    def commands_after(self, number: int) -> Iterator[tuple[int, Command]]:
        """Yield (id, command) in the order of their settling, after the one whose id is `number`."""
        with self._guard():
            for row in self._query("SELECT * FROM commands WHERE id > ? ORDER BY id", number):
                yield row[0], command_of(row)

    def events_after(self, number: int) -> Iterator[tuple[int, Event]]:
        """Yield (id, event) as they were told, after the one whose id is `number`."""
        with self._guard():
            for row in self._query("SELECT * FROM events WHERE id > ? ORDER BY id", number):
                yield row[0], event_of(row)

    def last_commands(self) -> tuple[dict[int, Command], dict[int, Command]]:
        """Return the last command to each signal, and the last that was acknowledged."""
        with self._guard():
            last, acknowledged = (
                {row[1]: command_of(row) for row in self._query(_NEWEST.format(which))}
                for which in ("", "WHERE outcome = 'acknowledged'")
            )
            return last, acknowledged

    def loops(self) -> list[str]:
        """Return the names of the loops, those that never ran too."""
        with self._guard():
            return [check("loops", row)[1] for row in self._rows("loops", "name")]

    def cycles(self, loop: str) -> Iterator[Cycle]:
        """Yield the cycles of one loop in the order in which they ran."""
        with self._guard():
            follow = self._follow("cycles", loop)
            for row in self._query("SELECT * FROM cycles WHERE loop = ? ORDER BY id", loop):
                follow.next(row[2], row[3])
                yield from cycles_of(row)
            follow.end()

    def cycles_after(self, number: int) -> Iterator[tuple[int, Cycle]]:
        """Yield (id of the commit, cycle) of all loops, committed after the one whose id is `number`."""
        for row_id, _, cycles in self.cycle_chunks(number):
            for cycle in cycles:
                yield row_id, cycle

    def cycle_chunks(self, after: int = 0) -> Iterator[tuple[int, str, list[Cycle]]]:
        """Yield (id, loop, cycles) as they were committed, after the one whose id is `after`."""
        with self._guard():
            for row in self._query("SELECT * FROM cycles WHERE id > ? ORDER BY id", after):
                yield row[0], row[1], list(cycles_of(row))

    def twin_states(self) -> Iterator[TwinState]:
        """Yield what the models of twins had come to, in time order."""
        with self._guard():
            yield from map(state_of, self._rows("twin_states", "time_ns, id"))

    def last_twin_state(self, device: str, until_ns: int | None = None) -> TwinState | None:
        """Return what the model of a device's twin had come to last (by a time), None if nothing is known."""
        newest = "SELECT * FROM twin_states WHERE device = ? AND time_ns <= ? ORDER BY id DESC LIMIT 1"
        with self._guard():
            row = self._query(newest, device, _FOREVER if until_ns is None else until_ns).fetchone()
            return None if row is None else state_of(row)

    def ticks(self) -> dict[tuple[str, int], int]:
        """Return when the first tick of each ticker was due, by owner and number of the ticker."""
        with self._guard():
            rows = (check("ticks", row) for row in self._rows("ticks", "id"))
            return {(owner, ticker): due_ns for _, owner, ticker, due_ns, _ in rows}

    def holdups(self) -> list[tuple[int, int]]:
        """Return from when to when deadlines had to wait for a busy machine, in ns."""
        with self._guard():
            return [check("holdups", row)[1:3] for row in self._rows("holdups", "id")]

    def overtaken(self) -> dict[tuple[str, int], int]:
        """Return when frames overtaken by younger ones had their turn, by device and time of the frame."""
        with self._guard():
            rows = (check("overtaken", row) for row in self._rows("overtaken", "id"))
            return {(device, time_ns): after_ns for _, device, time_ns, after_ns, _ in rows}

    def twin_states_after(self, number: int) -> Iterator[tuple[int, TwinState]]:
        """Yield (id, state of a twin's model) as they were noted, after the one whose id is `number`."""
        with self._guard():
            for row in self._query("SELECT * FROM twin_states WHERE id > ? ORDER BY id", number):
                yield row[0], state_of(row)

    def clock_pairs(self) -> list[tuple[int, int]]:
        """Return (session time, the system's UTC then) pairs in ns, as they were taken."""
        with self._guard():
            return [check("clock_pairs", row)[1:3] for row in self._rows("clock_pairs", "id")]

    def _device_frames(self, device: str) -> Iterator[Frame]:
        for chunk in self.frame_chunks(device):
            with self._guard():
                yield from frames_of(chunk)
