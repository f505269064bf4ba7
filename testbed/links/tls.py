"""TLS around a byte stream, both sides: a link that encrypts what passes through another link.

It has no socket of its own. What is handed on and recorded is what was meant, not what was encrypted.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.bench.wires import Wire
from testbed.clock import Clock

from .base import ByteLink, BytesReceived, Direction, LinkLost, Lost, Tap, no_tap

if TYPE_CHECKING:
    from .tcp import Accept

_HANDSHAKE = 3.0  # seconds that it may take


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: the authorities to trust (empty: the system's), our certificate and its key.

    `vet`, if given, is asked whether our certificate (DER) will do; it raises LinkLost with what is wrong.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""
    vet: Callable[[bytes], None] | None = None

    @classmethod
    def of(cls, wire: Wire, vet: Callable[[bytes], None] | None = None) -> TlsFiles:
        """Return those that the options ca, cert and key of a wire name."""
        ca, cert, key = (wire.option(name, "") for name in ("ca", "cert", "key"))
        return cls(ca, cert, key, vet)


def client_context(files: TlsFiles, where: str) -> ssl.SSLContext:
    """Return what a controller secures its end with (TLS 1.2 or later); raises LinkLost for a wrong file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.ca:
        _trust(context, files.ca, where)
    else:
        context.load_default_certs()
    if files.cert:
        _load(context, files, where)
        if files.vet is not None:
            files.vet(_first_certificate(files.cert))
    return context


def _first_certificate(file: str) -> bytes:
    """Return the first certificate (DER) of a PEM file that OpenSSL has read."""
    _, header, rest = Path(file).read_text(errors="replace").partition(ssl.PEM_HEADER)
    body, footer, _ = rest.partition(ssl.PEM_FOOTER)
    return ssl.PEM_cert_to_DER_cert(header + body + footer)


def server_context(files: TlsFiles, trusted: Sequence[str], where: str) -> ssl.SSLContext:
    """Return what a device secures its end with: it lets in whom the certificates in `trusted` vouch for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # one client's certificate may be trusted by itself
    for each in trusted:
        _trust(context, each, where)
    _load(context, files, where)
    return context


def _trust(context: ssl.SSLContext, file: str, where: str) -> None:
    try:
        context.load_verify_locations(file)
    except OSError as error:  # ssl.SSLError is one
        raise LinkLost(f"{where}: cannot read the certificates in {file}: {_cause(error)}") from error


def _load(context: ssl.SSLContext, files: TlsFiles, where: str) -> None:
    def no_password() -> str:
        # Without it, OpenSSL would stop the whole program and ask on the terminal.
        raise ValueError("its key is encrypted")

    try:
        context.load_cert_chain(files.cert, files.key or None, no_password)
    except (OSError, ValueError) as error:
        raise LinkLost(
            f"{where}: cannot use our certificate {files.cert}: {_cause(error)}",
            "cert= is a PEM file; key= is that of its private key, if it is in another file",
        ) from error


async def open_tls(
    connect: Callable[[BytesReceived, Lost], Awaitable[ByteLink]],
    host: str,
    name: str,
    clock: Clock,
    files: TlsFiles,
    *,
    received: BytesReceived,
    lost: Lost,
    tap: Tap,
) -> TlsLink:
    """Connect and shake hands; raises LinkLost with the cause: the network, a file, a certificate."""
    link = TlsLink(client_context(files, name), clock, name, host)
    link.received, link.lost, link.tap = received, lost, tap
    inner = await connect(link.arrived, link.broken)
    try:
        link.begin(inner)
        async with asyncio.timeout(_HANDSHAKE):
            await link.secured
    except TimeoutError:
        link.close()
        raise LinkLost(f"{name} did not finish the TLS handshake within {_HANDSHAKE:g} s") from None
    except BaseException:
        link.close()
        raise
    return link


def secured(accept: Accept, context: ssl.SSLContext, clock: Clock) -> Accept:
    """Return what takes plain connections and hands on those whose handshake went well."""

    def plain(inner: ByteLink) -> tuple[BytesReceived, Lost]:
        link = TlsLink(context, clock, "a controller", None)

        def shaken() -> None:
            link.received, link.lost = accept(link)

        link.shaken = shaken
        link.begin(inner)
        return link.arrived, link.broken

    return plain


class TlsLink:
    """One end; `secured` is done when both ends know each other, or holds the LinkLost that says why not."""

    def __init__(self, context: ssl.SSLContext, clock: Clock, name: str, host: str | None) -> None:
        """Be a controller's end that expects a certificate for `host`, or a device's end (None)."""
        self.name = name
        self.received: BytesReceived = lambda time_ns, data: None
        self.lost: Lost = lambda reason: None
        self.tap: Tap = no_tap
        self.shaken: Callable[[], None] = lambda: None
        self.secured: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._clock = clock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, host is None, host)
        self._inner: ByteLink | None = None
        self._open = True
        self._heard = False

    @property
    def certificate(self) -> bytes:
        """The other end's certificate (DER); empty when it showed none."""
        return self._tls.getpeercert(binary_form=True) or b""

    def begin(self, inner: ByteLink) -> None:
        """Shake hands over `inner`, whose bytes come to `arrived` and whose end to `broken`."""
        self._inner = inner
        self._advance(self._clock.now())

    def write(self, data: bytes) -> None:
        """Send; raises LinkLost when the wire is gone."""
        if not self._open or not self.secured.done():
            raise LinkLost(f"{self.name}: the wire is closed")
        self.tap(self._clock.now(), Direction.TX, data)
        self._tls.write(data)
        self._flush()

    def close(self) -> None:
        """Say goodbye and close the link under it."""
        if not self._open:
            return
        self._open = False
        self.secured.cancel()
        if self._inner is not None:
            self._last_word()
            self._inner.close()

    def arrived(self, time_ns: int, data: bytes) -> None:
        """Take encrypted bytes."""
        if self._open:
            self._incoming.write(data)
            self._advance(time_ns)

    def broken(self, reason: str) -> None:
        """Hear that the link under it is lost."""
        # Many servers close without a word when they do not take our certificate; in TLS 1.3 only after
        # the handshake.
        self._fail(reason if self._heard else f"{reason}; it may not trust our certificate")

    def _advance(self, time_ns: int) -> None:
        try:
            if not self.secured.done():
                self._tls.do_handshake()
                self._flush()
                self.secured.set_result(None)
                self.shaken()
            while self._open and (data := self._tls.read(65536)):
                self._heard = True
                self.tap(time_ns, Direction.RX, data)
                self.received(time_ns, data)
            self.broken("the other end closed it")
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLZeroReturnError:
            self.broken("the other end closed it")
        except ssl.SSLError as error:
            self._fail(f"TLS: {_cause(error)}")
        except LinkLost:
            return  # the link under it has told `broken` by now

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and self._inner is not None:
            self._inner.write(data)

    def _last_word(self) -> None:
        """Send what TLS has to say at the end: an alert that names what is wrong, or that all is over."""
        with contextlib.suppress(ssl.SSLError, ValueError):
            self._tls.unwrap()  # it would wait for the other end's goodbye; we do not
        with contextlib.suppress(LinkLost):
            self._flush()

    def _fail(self, reason: str) -> None:
        if not self._open:
            return
        shaking = not self.secured.done()
        if shaking:
            self.secured.set_exception(LinkLost(f"{self.name}: no secure connection: {reason}"))
            self.secured.exception()  # who waits for it hears it; nobody has to
        self.close()
        if not shaking:
            self.lost(reason)


def _cause(error: Exception) -> str:
    """Return OpenSSL's own words without their file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the other end's certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return str(getattr(error, "strerror", None) or error)
