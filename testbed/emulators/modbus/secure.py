"""Modbus/TCP Security at the device's end: who may connect, and what for.

Source: Modbus/TCP Security Protocol Specification v21: both ends show a certificate; a controller without
the role that is asked for gets exception 01 (illegal function) for all that it asks.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from testbed.bench.wires import Wire
from testbed.clock import Clock
from testbed.emulators.certificates import Authority
from testbed.links import ByteLink
from testbed.links.base import BytesReceived, Lost
from testbed.links.tcp import Accept
from testbed.links.tls import TlsFiles, TlsLink, secured, server_context
from testbed.protocols.modbus import ExceptionCode, FrameError, TcpReader, tcp
from testbed.protocols.modbus.pdu import exception_response
from testbed.protocols.modbus.role import ROLE, encode_role, role_of

from .answering import write_to

_ADDRESS = "127.0.0.1"


class Security:
    """What an emulated device asks of controllers, and the files with which they reach it.

    It trusts the wire's certificate and authorities, where those files are; else it issues a certificate, so
    that a bench runs emulated where its secrets are not. Its own comes from an authority of its own.
    """

    def __init__(self, wire: Wire, folder: Path, clock: Clock) -> None:
        """Issue what is needed into `folder`; raises LinkLost when a certificate cannot be read."""
        self._clock = clock
        self._role = wire.option("role", "")
        authority = Authority(folder, "emulated device")
        ours = authority.issue("device", _ADDRESS)
        cert, key = wire.option("cert", ""), wire.option("key", "")
        if not (cert and Path(cert).is_file()):
            role = {ROLE: encode_role(self._role)} if self._role else {}
            issued = authority.issue("controller", extensions=role)
            cert, key = str(issued.cert), str(issued.key)
        self.options = {**wire.options, "ca": str(authority.ca), "cert": cert} | ({"key": key} if key else {})
        """The options of the wire at which the device is reached."""
        files = TlsFiles(cert=str(ours.cert), key=str(ours.key))
        trusted = [str(authority.ca), cert]
        if (ca := wire.option("ca", "")) and Path(ca).is_file():
            trusted.append(ca)
        self._context: ssl.SSLContext = server_context(files, trusted, str(wire))

    def around(self, accept: Accept) -> Accept:
        """Return what takes connections and hands on those of controllers that may be here."""

        def judged(link: ByteLink) -> tuple[BytesReceived, Lost]:
            if self._role and isinstance(link, TlsLink) and role_of(link.certificate) != self._role:
                return _refusing(link), lambda reason: None
            return accept(link)

        return secured(judged, self._context, self._clock)


def _refusing(link: ByteLink) -> Callable[[int, bytes], None]:
    """Return what answers every request with the exception that its sender has not the role for it."""
    reader = TcpReader()

    def received(time_ns: int, data: bytes) -> None:
        try:
            for number, unit, pdu in reader.feed(data):
                answer = exception_response(pdu[0], ExceptionCode.ILLEGAL_FUNCTION)
                write_to(link, tcp.encode_frame(number, unit, answer))
        except FrameError:
            link.close()

    return received
