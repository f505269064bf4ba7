"""The one class under serial ports, ptys and sockets, on a socket pair."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from hil_tests.support import eventually
from hil_tests.support.ends import End, turns
from testbed.clock import SystemClock
from testbed.links import Direction, LinkLost, StreamLink


class Pair:
    """A link at one end of a socket pair; the test holds the other end, a plain socket."""

    def __init__(self, clock: SystemClock) -> None:
        near, self.far = socket.socketpair()
        near.setblocking(False)
        self.far.setblocking(False)
        self.end = End()
        self.released = 0
        self._near = near
        self.link = StreamLink(
            near.fileno(),
            clock,
            name="bench wire",
            release=self._release,
            received=self.end.received,
            lost=self.end.lost,
            tap=self.end.tap,
        ).start()

    def _release(self) -> None:
        self.released += 1
        self._near.close()

    def drain(self) -> bytes:
        """Return what has arrived at the far end."""
        with contextlib.suppress(BlockingIOError):
            return self.far.recv(1 << 20)
        return b""


@contextlib.contextmanager
def pair() -> Iterator[Pair]:
    clock = SystemClock()
    both = Pair(clock)
    try:
        yield both
    finally:
        both.link.close()
        both.far.close()
        clock.close()


async def test_bytes_pass_both_ways_and_the_tap_sees_the_very_same() -> None:
    with pair() as wire:
        wire.link.write(b"question")
        wire.far.send(b"answer")
        await eventually(lambda: wire.end.data == b"answer", "the answer")
        assert wire.drain() == b"question"
        assert wire.end.passed(Direction.TX) == b"question"
        assert wire.end.passed(Direction.RX) == b"answer"
        (sent, _, _), (came, _, _) = wire.end.tapped
        assert sent <= came
        assert wire.end.times == [came], "the tap and the protocol are told the same time"


async def test_given_a_slow_reader_then_what_the_kernel_does_not_take_follows_in_order() -> None:
    with pair() as wire:
        sent = bytearray()
        for number in range(40):  # 800 kB: more than a socket holds, less than is too much
            piece = bytes([number]) * 20_000
            wire.link.write(piece)
            sent += piece
        came = bytearray(wire.drain())
        assert len(came) < len(sent), "the kernel cannot have taken it all"
        wire.link.write(b"behind")  # there is room again, but others have waited longer
        sent += b"behind"

        def more() -> bool:
            came.extend(wire.drain())
            return len(came) >= len(sent)

        await eventually(more, "the backlog written")
        assert came == sent
        wire.link.write(b"and on")
        assert wire.drain() == b"and on", "with the backlog gone it is written at once"
        assert wire.end.losses == []


async def test_given_a_reader_that_never_reads_then_the_wire_is_lost_and_says_so() -> None:
    with pair() as wire:

        def flood() -> None:
            for _ in range(1000):
                wire.link.write(bytes(20_000))

        with pytest.raises(LinkLost, match="bench wire: the other end does not read"):
            flood()
        assert len(wire.end.losses) == 1
        assert "unread" in wire.end.losses[0]


async def test_given_the_far_end_closed_then_the_loss_is_told_once_and_all_is_released() -> None:
    with pair() as wire:
        wire.far.send(b"last words")
        wire.far.close()
        await eventually(lambda: wire.end.losses, "the loss")
        assert wire.end.data == b"last words"
        assert wire.end.losses == ["the other end closed it"]
        assert wire.released == 1
        with pytest.raises(LinkLost, match="bench wire: the wire is closed"):
            wire.link.write(b"anyone?")
        wire.link.close()
        assert (wire.released, len(wire.end.losses)) == (1, 1)


async def test_given_a_write_that_fails_then_the_writer_is_told_and_the_loss_too() -> None:
    with pair() as wire:
        wire.far.close()
        with pytest.raises(LinkLost, match="bench wire: write failed: Broken pipe"):
            wire.link.write(b"anyone?")
        assert wire.end.losses == ["write failed: Broken pipe"]
        assert wire.released == 1


async def test_given_the_far_end_gone_while_a_backlog_waits_then_the_loss_is_told_once() -> None:
    with pair() as wire:
        wire.link.write(bytes(900_000))
        wire.far.close()
        await eventually(lambda: wire.end.losses, "the loss")
        assert len(wire.end.losses) == 1
        assert wire.released == 1


async def test_given_our_own_close_then_nothing_is_received_or_reported_any_more() -> None:
    with pair() as wire:
        wire.far.send(b"too late")
        wire.link.close()
        wire.link.close()
        wire.far.close()
        other_read, other_write = os.pipe()  # takes the number of the descriptor that was closed
        os.write(other_write, b"not ours")
        await turns()
        assert (wire.end.data, wire.end.losses, wire.released) == (b"", [], 1)
        os.close(other_read)
        os.close(other_write)


async def test_given_a_close_from_within_the_receiver_then_it_ends_cleanly() -> None:
    with pair() as wire:
        link = wire.link
        wire.link._received = lambda time_ns, data: link.close()
        wire.far.send(b"garbage")
        await eventually(lambda: wire.released == 1, "the link closed")
        assert wire.end.losses == []


async def test_given_megabytes_at_once_then_all_arrive_in_order() -> None:
    with pair() as wire:
        payload = os.urandom(2_000_000)
        left = memoryview(payload)

        def push() -> bool:
            nonlocal left
            with contextlib.suppress(BlockingIOError):
                while left:
                    left = left[wire.far.send(left) :]
            return len(wire.end.data) == len(payload)

        await eventually(push, "two megabytes")
        assert wire.end.data == payload
        assert wire.end.times == sorted(wire.end.times)
