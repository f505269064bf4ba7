"""A device's network socket."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

from testbed.bench.wires import Wire
from testbed.emulators.base import EmulatorContext
from testbed.links import ByteLink
from testbed.links.tcp import Accept
from testbed.protocols.modbus import TLS, ExceptionCode, FrameError, TcpReader, tcp
from testbed.protocols.modbus.pdu import exception_response

from .answering import Answers, write_to

_ANY_UNIT = (0, 255)  # a TCP device that is no gateway answers to these too (TCP/IP Guide 1.0b, 4.4.2)
_NOBODY = ExceptionCode.GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND


async def listening(
    name: str, wire: Wire, context: EmulatorContext, accept: Accept, stack: contextlib.AsyncExitStack
) -> tuple[str, Mapping[str, str]]:
    """Let controllers in until `stack` ends, secured if the wire is.

    Returns host:port and the wire's options.
    """
    options: Mapping[str, str] = wire.options
    folder = context.places.files
    if wire.scheme == TLS and folder is not None:  # in memory there is nobody to hide from
        from .secure import Security

        security = Security(wire, folder / f"{name}-tls", context.clock)
        accept, options = security.around(accept), security.options
    host, port = await stack.enter_async_context(context.places.listen(name, context.clock, accept))
    return f"{host}:{port}", options


class TcpSocket:
    """The network socket of a device: any number of controllers at a time, none while unplugged."""

    def __init__(self, answers: Answers, *, line: bool = False) -> None:
        """Answer in frames of TCP; as a `line`, in those of a line, as behind a plain converter."""
        self._answers = answers
        self._line = line
        self._links: set[ByteLink] = set()
        self._plugged = True

    def plug(self) -> None:
        """Let controllers in again."""
        self._plugged = True

    def unplug(self) -> None:
        """Drop every connection, and every new one at once."""
        self._plugged = False
        while self._links:
            self._links.pop().close()

    def accept(self, link: ByteLink) -> tuple[Callable[[int, bytes], None], Callable[[str], None]]:
        """Return what answers on a new connection, and what hears of its end."""
        if self._plugged:
            self._links.add(link)
        else:
            link.close()
        if self._line:
            answer = self._answers.on_line(lambda data: write_to(link, data))
            return answer, lambda reason: self._links.discard(link)
        reader, ours, answer_of = TcpReader(), self._answers.unit, self._answers.frame

        def received(time_ns: int, data: bytes) -> None:
            answers = b""
            only = reader.only(data)
            try:
                for number, unit, pdu in (only,) if only else reader.feed(data):
                    if unit == ours or unit in _ANY_UNIT:
                        answers += answer_of(number, unit, pdu)
                    else:
                        answers += tcp.encode_frame(number, unit, exception_response(pdu[0], _NOBODY))
            except FrameError:
                write_to(link, answers)
                self._links.discard(link)
                link.close()
                return
            if answers:
                write_to(link, answers)

        return received, lambda reason: self._links.discard(link)
