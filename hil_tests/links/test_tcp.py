from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from hil_tests.support import eventually
from hil_tests.support.ends import End
from testbed.clock import SystemClock
from testbed.links import Direction, LinkLost, StreamLink, listen_tcp, open_tcp
from testbed.links.base import BytesReceived, Lost


class Server:
    """A listening device that keeps each of its connections."""

    def __init__(self, clock: SystemClock) -> None:
        self.clock = clock
        self.port = 0
        self.ends: list[End] = []
        self.links: list[StreamLink] = []

    def accept(self, link: StreamLink) -> tuple[BytesReceived, Lost]:
        end = End()
        self.ends.append(end)
        self.links.append(link)
        return end.received, end.lost

    async def connect(self, end: End) -> StreamLink:
        count = len(self.links)
        link = await open_tcp(
            "127.0.0.1", self.port, self.clock, received=end.received, lost=end.lost, tap=end.tap
        )
        await eventually(lambda: len(self.links) > count, "the connection accepted")
        return link


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    clock = SystemClock()
    server = Server(clock)
    try:
        async with listen_tcp("127.0.0.1", 0, clock, server.accept) as server.port:
            yield server
    finally:
        clock.close()


async def test_bytes_pass_both_ways_and_the_tap_sees_the_very_same() -> None:
    end = End()
    async with serving() as server:
        link = await server.connect(end)
        link.write(b"question")
        await eventually(lambda: server.ends[0].data == b"question", "the question")
        server.links[0].write(b"answer")
        await eventually(lambda: end.data == b"answer", "the answer")
        assert (end.passed(Direction.TX), end.passed(Direction.RX)) == (b"question", b"answer")
        link.close()


async def test_each_connection_hears_its_own() -> None:
    ends = [End() for _ in range(5)]
    async with serving() as server:
        links = [await server.connect(end) for end in ends]
        for number, link in enumerate(server.links):
            link.write(bytes([number]) * 3)
        await eventually(lambda: all(len(end.data) == 3 for end in ends), "every answer")
        assert [end.data[0] for end in ends] == [0, 1, 2, 3, 4]
        for link in links:
            link.close()


async def test_given_a_controller_that_leaves_then_the_device_is_told_and_listens_on() -> None:
    async with serving() as server:
        (await server.connect(End())).close()
        await eventually(lambda: server.ends[0].losses, "the loss")
        assert server.ends[0].losses == ["the other end closed it"]
        with pytest.raises(LinkLost):
            server.links[0].write(b"anyone?")
        (await server.connect(End())).close()


async def test_when_the_device_stops_listening_every_connection_is_lost_and_none_is_accepted() -> None:
    end = End()
    async with serving() as server:
        link = await server.connect(end)
        port = server.port
    await eventually(lambda: end.losses, "the loss")
    with pytest.raises(LinkLost):
        link.write(b"anyone?")
    clock = SystemClock()
    with pytest.raises(LinkLost, match=f"cannot connect to 127.0.0.1:{port}: "):
        await open_tcp("127.0.0.1", port, clock, received=end.received, lost=end.lost)
    clock.close()


async def test_given_a_host_with_several_addresses_then_the_one_that_listens_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as server:
        closed, listening = ("127.0.0.1", 1), ("127.0.0.1", server.port)
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in (closed, listening)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *host, **kind: found)
        (await server.connect(End())).close()
        assert len(server.links) == 1


async def test_given_an_unknown_host_then_the_error_names_it() -> None:
    clock, end = SystemClock(), End()
    with pytest.raises(LinkLost, match=r"no-such-host\.invalid:502"):
        await open_tcp("no-such-host.invalid", 502, clock, received=end.received, lost=end.lost, timeout=20)
    clock.close()


async def test_given_a_host_that_does_not_accept_then_it_is_given_up_in_time() -> None:
    clock, end = SystemClock(), End()
    with contextlib.ExitStack() as stack:
        # A full backlog: the kernel leaves further connections unanswered.
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = server.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        with pytest.raises(LinkLost, match=f"127.0.0.1:{port} did not accept within 0.3 s"):
            await open_tcp("127.0.0.1", port, clock, received=end.received, lost=end.lost, timeout=0.3)
    clock.close()


async def test_given_a_port_that_is_taken_then_listening_fails_at_once() -> None:
    async with serving() as server:
        with pytest.raises(OSError, match="in use"):
            async with listen_tcp("127.0.0.1", server.port, server.clock, server.accept):
                pass
