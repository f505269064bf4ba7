"""Reads two tracks in step, a piece at a time, so that sessions of any length fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .columns import NOTHING, Columns, joined

BLOCK = 1 << 18
"""Records of one track that are compared at a time."""

_LATE_NS = 2 * 10**9  # a sample may be recorded this long after one of a later time
_LONGEST_NS = 3600 * 10**9  # of a piece, so that its times fit beside its kinds into 64 bits
_NEVER_NS = 1 << 62


class Piece(NamedTuple):
    """A stretch of both tracks in the order of time.

    The records from `since_ns` to before `until_ns` are to be judged; around them stand those that they may
    be compared with. `a_first` and `b_first` tell how many records of the track came before.
    """

    a: Columns
    b: Columns
    a_first: int
    b_first: int
    since_ns: int
    until_ns: int


class Feed:
    """One track, read as far as it is needed."""

    def __init__(self, blocks: Iterator[Columns]) -> None:
        self.held = NOTHING
        self.first = 0
        """How many records came before the held ones."""
        self.ended = False
        self._blocks = blocks

    def fill(self, count: int) -> None:
        """Hold at least `count` records, or all that are left."""
        parts, size = [self.held], self.held.size
        while size < count and not self.ended:
            block = next(self._blocks, None)
            self.ended = block is None
            if block is not None:
                parts.append(block)
                size += block.size
        self.held = joined(parts)

    def drop(self, count: int) -> None:
        """Forget the first `count` records."""
        self.held = self.held.part(slice(count, None))
        self.first += count


def in_order(a: Feed, b: Feed) -> Iterator[tuple[Columns, Columns, int]]:
    """Yield equally many records of both, the n-th beside the n-th, and how many came before.

    What is left of the longer one is held by its feed at the end.
    """
    while True:
        a.fill(BLOCK)
        b.fill(BLOCK)
        count = min(a.held.size, b.held.size)
        if not count:
            return
        yield a.held.part(slice(count)), b.held.part(slice(count)), a.first
        a.drop(count)
        b.drop(count)


def in_time(a: Feed, b: Feed, within_ns: int) -> Iterator[Piece]:
    """Yield both in the order of time, each piece with all records within `within_ns` of it."""
    since, count = -_NEVER_NS, BLOCK
    while True:
        for feed in (a, b):
            feed.fill(count)
            feed.held = feed.held.in_time()
        open_feeds = [feed for feed in (a, b) if not feed.ended]
        until = min(
            (int(feed.held.times[-1]) - within_ns - _LATE_NS for feed in open_feeds), default=_NEVER_NS
        )
        begin = min((int(feed.held.times[0]) for feed in (a, b) if feed.held.size), default=0)
        until = min(until, max(begin, since) + _LONGEST_NS) if until > since else until
        if until <= since:
            count *= 2  # more than a block stands within reach of one moment
            continue
        yield Piece(a.held, b.held, a.first, b.first, since, until)
        if not open_feeds and all(not feed.held.size or feed.held.times[-1] < until for feed in (a, b)):
            return
        for feed in (a, b):
            feed.drop(int(np.searchsorted(feed.held.times, until - within_ns)))
        since, count = until, BLOCK
