"""A serial port's bytes and settings on one TCP connection (RFC 854 telnet, RFC 2217 com port control).

Both ends are here, without any I/O: the controller's, and the access server's that has the port.
"""

from __future__ import annotations

from collections.abc import Callable

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
BINARY, SUPPRESS_GO_AHEAD, COM_PORT = 0, 3, 44
OPTIONS = (BINARY, SUPPRESS_GO_AHEAD, COM_PORT)

SET_BAUD, SET_SIZE, SET_PARITY, SET_STOP, SET_CONTROL = 1, 2, 3, 4, 5
NOTIFY_MODEM, MODEM_MASK, PURGE = 7, 11, 12
ANSWER = 100
"""What the server's answer to a command adds to its number."""
BREAK_ON, BREAK_OFF, DTR_ON, DTR_OFF, RTS_ON, RTS_OFF = 5, 6, 8, 9, 11, 12
CTS, DSR, RI, CD = 0x10, 0x20, 0x40, 0x80

_AGREE = {DO: WILL, WILL: DO}
_REFUSE = {DO: WONT, WILL: DONT}
_LIMIT = 1024  # bytes of a subnegotiation; those of a com port are five


def escaped(data: bytes) -> bytes:
    """Return data as it goes over telnet."""
    return data.replace(b"\xff", b"\xff\xff")


def com_port(command: int, value: bytes) -> bytes:
    """Return a com port command or its answer."""
    return bytes((IAC, SB, COM_PORT, command)) + escaped(value) + bytes((IAC, SE))


class Telnet:
    """One end. `send` writes to the other; `told` hears com port commands, `refused` of refused options."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        told: Callable[[int, bytes], None],
        refused: Callable[[int], None] = lambda option: None,
    ) -> None:
        self._send = send
        self._told = told
        self._refused = refused
        self._agreed: set[tuple[int, int]] = set()
        self._rest = b""

    def offer(self, *options: tuple[int, int]) -> None:
        """Propose options, as (WILL or DO, option)."""
        for verb, option in options:
            self._agreed.add((verb, option))
            self._send(bytes((IAC, verb, option)))

    def feed(self, data: bytes) -> bytes:
        """Return the port's bytes in `data`; answer and tell what else is in it."""
        data, self._rest = self._rest + data, b""
        plain, at = bytearray(), 0
        while at < len(data):
            mark = data.find(IAC, at)
            if mark < 0:
                plain += data[at:]
                break
            plain += data[at:mark]
            used = self._command(data, mark, plain)
            if not used:
                self._rest = data[mark:] if len(data) - mark < _LIMIT else b""
                break
            at = mark + used
        return bytes(plain)

    def _command(self, data: bytes, at: int, plain: bytearray) -> int:
        """Take the command that begins at `at`; returns its length, 0 while it is not whole."""
        if at + 1 >= len(data):
            return 0
        verb = data[at + 1]
        if verb == IAC:
            plain.append(IAC)
            return 2
        if verb == SB:
            return self._subnegotiation(data, at)
        if verb not in (DO, DONT, WILL, WONT):
            return 2
        if at + 2 >= len(data):
            return 0
        self._negotiate(verb, data[at + 2])
        return 3

    def _negotiate(self, verb: int, option: int) -> None:
        if verb in (DONT, WONT):
            self._refused(option)
            return
        answer = (_AGREE if option in OPTIONS else _REFUSE)[verb]
        if (answer, option) not in self._agreed:  # else it is the answer to our own offer
            self._agreed.add((answer, option))
            self._send(bytes((IAC, answer, option)))

    def _subnegotiation(self, data: bytes, at: int) -> int:
        end = at + 2
        while True:
            end = data.find(IAC, end)
            if end < 0 or end + 1 >= len(data):
                return 0
            if data[end + 1] == SE:
                break
            end += 2  # an escaped 255 within it
        body = data[at + 2 : end].replace(b"\xff\xff", b"\xff")
        if len(body) >= 2 and body[0] == COM_PORT:
            self._told(body[1], body[2:])
        return end + 2 - at


class PortServer:
    """The access server's end: says yes to every setting, and remembers it."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.settings: dict[int, bytes] = {}
        """The last value of each com port command."""
        self.controls: set[int] = set()
        """The values of SET_CONTROL that came: DTR, RTS and break, on and off."""
        self._send = send
        self._telnet = Telnet(send, self._told)
        self.feed = self._telnet.feed
        self._telnet.offer((WILL, BINARY), (DO, BINARY), (WILL, SUPPRESS_GO_AHEAD), (DO, COM_PORT))

    def _told(self, command: int, value: bytes) -> None:
        if command >= ANSWER:
            return
        if command == SET_CONTROL:
            self.controls.update(value)
        self.settings[command] = value
        self._send(com_port(command + ANSWER, value))
