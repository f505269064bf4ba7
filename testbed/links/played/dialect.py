"""What a protocol has to say for a recording of it to be played: where requests and answers begin and end."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol


class Asked(Protocol):
    """One request at the head of a buffer.

    `place` is what it is about (a register, a characteristic, a command), `content` all that must be
    the same for the recorded answer to be its answer: the request without its counters, ids and
    checksums. `tag` is what its answers are told by, None when it has none. Bytes that are no request
    are one with the place None.
    """

    @property
    def size(self) -> int: ...  # noqa: D102  (bytes in the buffer)

    @property
    def place(self) -> Hashable: ...  # noqa: D102

    @property
    def content(self) -> bytes: ...  # noqa: D102

    @property
    def tag(self) -> Hashable: ...  # noqa: D102


class Heard(Protocol):
    """One answer at the head of a buffer, or something unasked (then `tag` is None)."""

    @property
    def size(self) -> int: ...  # noqa: D102  (bytes in the buffer)

    @property
    def tag(self) -> Hashable: ...  # noqa: D102


class Dialect(Protocol):
    """Cuts the bytes of a wire and matches answers with requests; without any state."""

    def requests(self, data: bytes) -> Sequence[Asked]:
        """Return the whole requests in `data`, in order; what is behind them waits for more bytes."""

    def answers(self, data: bytes) -> Sequence[Heard]:
        """Return the whole answers in `data` and what came unasked, in order; the rest waits."""

    def patched(self, answer: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return a recorded answer as one to a request whose tag is `asked`; its length stays."""
