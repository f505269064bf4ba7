"""TLS over any byte stream: what is written arrives, however the stream was cut, and its end is told once."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path

import pytest

from hil_tests.support.ends import End
from hil_tests.support.hand_clock import HandClock
from testbed.emulators.certificates import Authority
from testbed.links import Direction, LinkLost
from testbed.links.base import ByteLink, BytesReceived, Lost
from testbed.links.tls import TlsFiles, TlsLink, client_context, open_tls, secured, server_context


class Half:
    """One direction of a stream, which delivers in pieces of a size when it is pumped."""

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.closed = False
        self.broken = False

    def write(self, data: bytes) -> None:
        if self.broken:
            raise LinkLost("it is gone")
        self.waiting.extend(data)

    def close(self) -> None:
        self.closed = True

    def piece(self, size: int) -> bytes:
        return bytes(self.waiting.popleft() for _ in range(min(size, len(self.waiting))))


class Pair:
    """A controller's and a device's end, and the stream between them."""

    def __init__(self, folder: Path) -> None:
        clock = HandClock()
        authority = Authority(folder, "plant")
        device, us = authority.issue("device", "127.0.0.1"), authority.issue("us")
        files = TlsFiles(str(authority.ca), str(us.cert), str(us.key))
        self.near, self.far, self.device = End(), End(), End()
        self.out, self.back = Half(), Half()
        self.link = TlsLink(client_context(files, "dut"), clock, "dut", "127.0.0.1")
        self.link.received, self.link.lost, self.link.tap = self.near.received, self.near.lost, self.near.tap
        self.accepted: list[ByteLink] = []
        context = server_context(TlsFiles("", str(device.cert), str(device.key)), [str(authority.ca)], "dut")
        self._heard, self.cut = secured(self._accept, context, clock)(self.back)
        self.link.begin(self.out)

    def _accept(self, link: ByteLink) -> tuple[BytesReceived, Lost]:
        self.accepted.append(link)
        return self.device.received, self.device.lost

    def pump(self, size: int) -> None:
        while self.out.waiting or self.back.waiting:
            if data := self.out.piece(size):
                self._heard(0, data)
            if data := self.back.piece(size):
                self.link.arrived(0, data)


@pytest.mark.parametrize("size", [1, 7, 100000])
async def test_what_is_written_arrives_however_the_stream_is_cut(size: int, tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.pump(size)
    assert pair.link.secured.done()
    (far,) = pair.accepted
    pair.link.write(b"question")
    pair.pump(size)
    far.write(b"answer" * 5000)
    pair.pump(size)
    assert bytes(pair.device.data) == b"question"
    assert bytes(pair.near.data) == b"answer" * 5000
    assert pair.near.passed(Direction.TX) == b"question"


async def test_a_goodbye_is_an_end_that_is_told_once(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.pump(100)
    pair.accepted[0].close()
    pair.pump(100)
    pair.link.broken("the stream ended too")
    assert len(pair.near.losses) == 1
    with pytest.raises(LinkLost):
        pair.link.write(b"more")


async def test_a_stream_that_breaks_within_the_handshake_says_so(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair._heard(0, pair.out.piece(100000))
    pair.out.broken = True
    pair.link.broken("the cable was pulled")
    pair.link.arrived(0, pair.back.piece(100000))
    with pytest.raises(LinkLost, match="no secure connection: the cable was pulled"):
        await pair.link.secured
    assert not pair.near.losses, "who opens it hears it"


async def test_whoever_gives_up_the_opening_leaves_nothing_open(tmp_path: Path) -> None:
    half = Half()

    async def connect(received: BytesReceived, lost: Lost) -> ByteLink:
        return half

    end = End()
    opening = open_tls(
        connect, "h", "h:802", HandClock(), TlsFiles(),
        received=end.received, lost=end.lost, tap=end.tap,
    )  # fmt: skip
    task = asyncio.ensure_future(opening)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert half.closed
