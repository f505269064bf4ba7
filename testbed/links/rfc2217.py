"""A serial port behind an access server that sets it as it is told (RFC 2217), such as ser2net."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from testbed.clock import Clock

from . import telnet
from .base import ByteLink, BytesReceived, Direction, LinkLost, Lost, Tap
from .port import ModemLines, PortSettings

_PARITIES = {"N": 1, "O": 2, "E": 3}
_STOPS = {1.0: 1, 2.0: 2, 1.5: 3}
_NAMES = {
    telnet.SET_BAUD: "baud", telnet.SET_SIZE: "data bits", telnet.SET_PARITY: "parity",
    telnet.SET_STOP: "stop bits", telnet.SET_CONTROL: "modem lines",
}  # fmt: skip

Connect = Callable[[BytesReceived, Lost], Awaitable[ByteLink]]


async def open_rfc2217(
    connect: Connect,
    name: str,
    clock: Clock,
    *,
    received: BytesReceived,
    lost: Lost,
    tap: Tap,
    settings: PortSettings,
    timeout: float = 3.0,
) -> Rfc2217Link:
    """Connect and set the port; raises LinkLost when the server refuses or does not say that it is set."""
    link = Rfc2217Link(name, clock, received, lost, tap)
    link.stream = await connect(link.arrived, link.gone)
    try:
        async with asyncio.timeout(timeout):
            await link.configure(settings)
    except TimeoutError:
        link.close()
        raise LinkLost(
            f"{name} does not speak RFC 2217: {link.waits} not set within {timeout:g} s",
            "for a converter that only passes bytes on, write socket://",
        ) from None
    except BaseException:
        link.close()
        raise
    return link


class Rfc2217Link:
    """The port's bytes; `tap` hears those, not the telnet around them."""

    def __init__(self, name: str, clock: Clock, received: BytesReceived, lost: Lost, tap: Tap) -> None:
        self.name = name
        self.stream: ByteLink | None = None
        self._clock = clock
        self._received = received
        self._lost = lost
        self._tap = tap
        self._telnet = telnet.Telnet(self._send, self._told, self._refused)
        self._asked: dict[int, tuple[bytes, asyncio.Future[None]]] = {}
        self._lines = 0
        self._ready = False

    @property
    def waits(self) -> str:
        """What the server has not confirmed, for people."""
        return ", ".join(_NAMES[command] for command in self._asked) or "its options"

    async def configure(self, settings: PortSettings) -> None:
        """Set the port, step by step, and listen to it from then on."""
        self._telnet.offer(
            (telnet.WILL, telnet.COM_PORT), (telnet.WILL, telnet.BINARY), (telnet.DO, telnet.BINARY),
            (telnet.WILL, telnet.SUPPRESS_GO_AHEAD), (telnet.DO, telnet.SUPPRESS_GO_AHEAD),
        )  # fmt: skip
        await self._set(telnet.SET_BAUD, settings.baud.to_bytes(4, "big"))
        await self._set(telnet.SET_SIZE, b"\x08")
        await self._set(telnet.SET_PARITY, bytes((_PARITIES[settings.parity],)))
        await self._set(telnet.SET_STOP, bytes((_STOPS[settings.stop_bits],)))
        for control in _controls(settings.dtr, settings.rts):
            await self._set(telnet.SET_CONTROL, bytes((control,)))
        self._send(telnet.com_port(telnet.MODEM_MASK, b"\xf0"))
        self._ready = True

    # The port's link ------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send to the port."""
        if self.stream is None:
            raise LinkLost(f"{self.name}: the wire is closed")
        self._tap(self._clock.now(), Direction.TX, data)
        self.stream.write(telnet.escaped(data))

    def close(self) -> None:
        """Disconnect."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()

    def modem_lines(self) -> ModemLines:
        """Return the lines as the server told last: it tells every change."""
        has = self._lines.__and__
        return ModemLines(*(bool(has(bit)) for bit in (telnet.CTS, telnet.DSR, telnet.RI, telnet.CD)))

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Have DTR and RTS raised or dropped."""
        for control in _controls(dtr, rts):
            self._send(telnet.com_port(telnet.SET_CONTROL, bytes((control,))))

    def set_break(self, on: bool) -> None:
        """Have the line held in the break state until it is told to end."""
        control = telnet.BREAK_ON if on else telnet.BREAK_OFF
        self._send(telnet.com_port(telnet.SET_CONTROL, bytes((control,))))

    # What comes -----------------------------------------------------------------------------------

    def arrived(self, time_ns: int, data: bytes) -> None:
        """Take bytes of the connection; those from before the port was set belong to nobody."""
        plain = self._telnet.feed(data)
        if plain and self._ready and self.stream is not None:
            self._tap(time_ns, Direction.RX, plain)
            self._received(time_ns, plain)

    def gone(self, reason: str) -> None:
        """Hear that the connection is lost."""
        self.stream = None
        self._fail(reason)
        if self._ready:
            self._lost(reason)

    def _send(self, data: bytes) -> None:
        if self.stream is None:
            raise LinkLost(f"{self.name}: the wire is closed")
        self.stream.write(data)

    async def _set(self, command: int, value: bytes) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked[command] = (value, answer)
        self._send(telnet.com_port(command, value))
        await answer
        del self._asked[command]

    def _told(self, command: int, value: bytes) -> None:
        if command == telnet.NOTIFY_MODEM + telnet.ANSWER and value:
            self._lines = value[0]
        asked = self._asked.get(command - telnet.ANSWER)
        if asked is None or asked[1].done():
            return
        wanted, answer = asked
        if value == wanted:
            answer.set_result(None)
        else:
            what = f"{_NAMES[command - telnet.ANSWER]} is {int.from_bytes(value, 'big')}"
            self._fail(f"its {what}, not {int.from_bytes(wanted, 'big')} as asked")

    def _refused(self, option: int) -> None:
        if option == telnet.COM_PORT:
            self._fail("it does not let its port be set (RFC 2217)")

    def _fail(self, reason: str) -> None:
        for _, answer in self._asked.values():
            if not answer.done():
                answer.set_exception(LinkLost(f"cannot use the port at {self.name}: {reason}"))


def _controls(dtr: bool | None, rts: bool | None) -> list[int]:
    found = []
    if dtr is not None:
        found.append(telnet.DTR_ON if dtr else telnet.DTR_OFF)
    if rts is not None:
        found.append(telnet.RTS_ON if rts else telnet.RTS_OFF)
    return found
