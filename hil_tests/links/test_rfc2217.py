"""Ports at an access server: set as asked, against pyserial's own server; and what is wrong is said."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st
from serial.rfc2217 import PortManager

from hil_tests.support import eventually
from testbed.clock import SystemClock
from testbed.links import Direction, LinkLost, SystemOpener
from testbed.links.port import PortSettings
from testbed.links.rfc2217 import Rfc2217Link
from testbed.links.telnet import IAC, PortServer, Telnet, escaped


class PyserialServer:
    """pyserial's access server before a port whose bytes, RTS and DTR come back as bytes, CTS and DSR."""

    def __init__(self) -> None:
        self.port = serial.serial_for_url("loop://", timeout=0)
        self.manager: Any = None
        self.breaks: list[bool] = []
        self._writer: asyncio.StreamWriter | None = None

    async def visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.manager = PortManager(self.port, writer)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while data := await reader.read(1024):
                self.port.write(b"".join(self.manager.filter(data)))
                self.manager.check_modem_lines()
                back = self.port.read(self.port.in_waiting)
                writer.write(b"".join(self.manager.escape(back)))
        writer.close()

    def hang_up(self) -> None:
        assert self._writer is not None
        self._writer.close()


class Far:
    def __init__(self) -> None:
        self.data = b""
        self.losses: list[str] = []
        self.tapped = {Direction.RX: b"", Direction.TX: b""}

    def received(self, time_ns: int, data: bytes) -> None:
        self.data += data

    def tap(self, time_ns: int, direction: Direction, data: bytes) -> None:
        self.tapped[direction] += data


@contextlib.asynccontextmanager
async def opened(
    serve: Any,
    settings: PortSettings = PortSettings(),  # noqa: B008  (frozen)
) -> AsyncIterator[tuple[Rfc2217Link, Far]]:
    clock, far = SystemClock(), Far()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        link = await SystemOpener().rfc2217(
            "127.0.0.1", server.sockets[0].getsockname()[1], clock, received=far.received,
            lost=far.losses.append, tap=far.tap, settings=settings,
        )  # fmt: skip
        assert isinstance(link, Rfc2217Link)
        try:
            yield link, far
        finally:
            link.close()
    finally:
        server.close()
        clock.close()


async def test_pyserial_s_server_sets_its_port_as_asked_and_passes_every_byte() -> None:
    server, data = PyserialServer(), bytes(range(256)) * 2
    async with opened(server.visited, PortSettings(19200, "E", 2.0)) as (link, far):
        port = server.port
        assert (port.baudrate, port.parity, port.stopbits, port.bytesize) == (19200, "E", 2, 8)
        link.write(data)
        await eventually(lambda: far.data == data, "every byte back")
        assert far.tapped == {Direction.RX: data, Direction.TX: data}, "the port's bytes, no telnet"


async def test_modem_lines_are_set_before_the_first_byte_and_read() -> None:
    server = PyserialServer()
    async with opened(server.visited, PortSettings(dtr=False, rts=True)) as (link, _):
        assert (server.port.dtr, server.port.rts) == (False, True)
        await eventually(lambda: link.modem_lines().cts, "RTS seen as CTS")
        assert not link.modem_lines().dsr
        link.set_lines(dtr=True, rts=False)
        await eventually(lambda: link.modem_lines().dsr and not link.modem_lines().cts, "the change")


async def test_a_break_holds_until_it_is_told_to_end() -> None:
    server = PyserialServer()
    async with opened(server.visited) as (link, _):
        link.set_break(True)
        await eventually(lambda: server.port.break_condition, "the break")
        link.set_break(False)
        await eventually(lambda: not server.port.break_condition, "its end")


async def test_a_server_that_hangs_up_is_lost_once() -> None:
    server = PyserialServer()
    async with opened(server.visited) as (link, far):
        server.hang_up()
        await eventually(lambda: far.losses, "the loss")
        with pytest.raises(LinkLost):
            link.write(b"anyone?")
        assert len(far.losses) == 1


async def test_a_converter_that_only_passes_bytes_on_is_told_from_a_server(monkeypatch: Any) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes((IAC, 254, 44)))  # DONT COM-PORT-OPTION
        await reader.read(1)
        writer.close()

    with pytest.raises(LinkLost, match="does not let its port be set"):
        async with opened(echo):
            pass


@given(st.binary(max_size=60), st.integers(1, 7))
def test_any_bytes_pass_cut_anywhere_between_commands(data: bytes, cut: int) -> None:
    sent: list[bytes] = []
    server = PortServer(sent.append)
    told: list[tuple[int, bytes]] = []
    client = Telnet(lambda data: None, lambda command, value: told.append((command, value)))
    stream = b"".join(sent) + escaped(data) + bytes((IAC, 250, 44, 107, IAC, IAC, IAC, 240)) + escaped(data)
    heard = b"".join(client.feed(stream[at : at + cut]) for at in range(0, len(stream), cut))
    assert heard == data + data
    assert told == [(107, b"\xff")]
    assert server.feed(escaped(data)) == data
