"""The samples of a session, in time order or as they arrived."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from testbed.signals import Quality, Sample

from .checks import check
from .contents import Contents
from .decode import chunk_of
from .records import Chunk, Newest

_GATHER = 20_000  # samples sorted at a time; beyond that only what overlaps is held
_QUALITIES = tuple(Quality)


class Samples(Contents):
    """The signals of a session and what came of them."""

    def samples(self, signals: Sequence[int] | None = None) -> Iterator[Sample]:
        """Yield the samples of the given signals (all by default) in time order.

        Samples of one time come in the order of the signals, and of one signal as they arrived.
        """
        reasons = {signal.id: self.reasons(signal.id) for signal in self.signals}
        for time_ns, signal, number, value, quality in self.sample_rows(signals):
            numbers, texts = reasons[signal]
            at = bisect_right(numbers, number)
            yield Sample(signal, time_ns, value, _QUALITIES[quality], texts[at - 1] if at else "")

    def sample_rows(self, signals: Sequence[int] | None = None) -> Iterator[tuple[int, int, int, float, int]]:
        """Yield (time, signal, how many of this signal came before, value, quality) in time order."""
        gathered: list[tuple[int, int, int, float, int]] = []
        limit = _GATHER
        for t0, *place in self._places(signals):
            if len(gathered) >= limit:
                gathered.sort()
                ready = bisect_left(gathered, (t0,))  # nothing still to come is earlier than t0
                yield from gathered[:ready]
                del gathered[:ready]
                limit = max(_GATHER, 2 * len(gathered))
            chunk = self._chunk(*place)
            if chunk is not None:
                gathered.extend(chunk.rows())
        gathered.sort()
        yield from gathered

    def series(self, signal: int) -> tuple[array[int], array[float], bytes]:
        """Return all times (ns), values and qualities of one signal, as they arrived."""
        times: array[int] = array("q")
        values: array[float] = array("d")
        qualities = bytearray()
        for chunk in self.signal_chunks(signal):
            times += chunk.times
            values += chunk.values
            qualities += chunk.qualities
        return times, values, bytes(qualities)

    def signal_chunks(self, signal: int) -> Iterator[Chunk]:
        """Yield the chunks of one signal as they arrived."""
        with self._guard():
            follow = self._follow("chunks", signal)
            for row in self._query("SELECT * FROM chunks WHERE signal = ? ORDER BY id", signal):
                chunk = self._decoded(row)
                follow.next(chunk.first, len(chunk.times))
                yield chunk
            follow.end()

    def chunks(self, after: int = 0) -> Iterator[Chunk]:
        """Yield the chunks committed after the one whose id is `after`, in the order of their commit.

        Read on with the last id: each sample comes once, or more often to who lags behind (see Chunk).
        """
        with self._guard():
            for row in self._query("SELECT * FROM chunks WHERE id > ? ORDER BY id", after):
                yield self._decoded(row)

    def newest(self) -> dict[int, Newest]:
        """Return, for each signal that has samples, how many there are and the last that arrived."""
        with self._guard():
            rows = self._query("SELECT signal, sum(n), max(id) FROM chunks GROUP BY signal").fetchall()
            found = {signal: (total, self._by_id(number)) for signal, total, number in rows}
            return {signal: Newest(total, chunk.last()) for signal, (total, chunk) in found.items() if chunk}

    def reasons(self, signal: int) -> tuple[array[int], list[str]]:
        """Return (numbers of samples, reasons): from each of these samples on, the reason beside it holds."""
        numbers: array[int] = array("q")
        texts = []
        for first, _, reason in self.turns(signal):
            numbers.append(first)
            texts.append(reason)
        return numbers, texts

    def turns(self, signal: int) -> Iterator[tuple[int, int, str]]:
        """Yield (number of a sample, quality, reason) where quality or reason of a signal change."""
        with self._guard():
            if "window" not in self.meta():  # there, some of what came before is kept
                self._check_ids("reasons")
            for row in self._query("SELECT * FROM reasons WHERE signal = ? ORDER BY first", signal):
                _, _, first, _, quality, reason, _ = check("reasons", row)
                yield first, quality, reason

    # Within -----------------------------------------------------------------------------------

    def _places(self, signals: Sequence[int] | None) -> list[tuple[int, int, int, int, int]]:
        """Return (earliest time, id, signal, first, n) of each chunk in time order.

        They are read at once, so that no lock is held while their samples are worked on.
        """
        wanted = set(range(len(self.signals)) if signals is None else signals)
        with self._guard():
            follow = {signal: self._follow("chunks", signal) for signal in wanted}
            found = []
            for place in self._query(
                "SELECT t0, id, signal, first, n FROM chunks ORDER BY +id"
            ):  # by the index
                if place[2] in wanted:
                    follow[place[2]].next(place[3], place[4])
                    found.append(place)
            for each in follow.values():
                each.end()
        found.sort()
        return found

    def _chunk(self, number: int, signal: int, first: int, n: int) -> Chunk | None:
        """Return a chunk that was found before; None if it has gone out of a rolling recording since.

        It may have been merged with its neighbours meanwhile: then it is cut out of what they became.
        """
        with self._guard():
            row = self._query("SELECT * FROM chunks WHERE id = ?", number).fetchone() or self._query(
                "SELECT * FROM chunks WHERE signal = ? AND first <= ? AND first + n >= ?",
                signal, first, first + n,
            ).fetchone()  # fmt: skip
            chunk = self._unless_gone(row, number)
            return None if chunk is None else chunk.part(first, n)

    def _by_id(self, number: int) -> Chunk | None:
        return self._unless_gone(self._query("SELECT * FROM chunks WHERE id = ?", number).fetchone(), number)

    def _unless_gone(self, row: tuple[Any, ...] | None, number: int) -> Chunk | None:
        """Return the chunk of a row; None if it has gone out of a rolling recording in this very moment."""
        if row is None and "window" not in self.meta():
            raise ValueError(f"chunk {number} is missing")
        return None if row is None else self._decoded(row)

    def _decoded(self, row: tuple[Any, ...]) -> Chunk:
        chunk = chunk_of(row)
        if chunk.signal not in range(len(self.signals)):
            raise ValueError(f"chunk {chunk.id} belongs to signal {chunk.signal}, which there is not")
        return chunk
