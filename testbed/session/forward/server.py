"""One write to an InfluxDB server, and what its answer means for the points in it."""

from __future__ import annotations

import json
import re
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from testbed.bench import Influxdb
from testbed.errors import MissingPart, UsageError

_GZIP = 16 + zlib.MAX_WBITS  # zlib's number for the gzip format
_LONGEST_REASON = 500  # characters
_LONGEST_PAUSE = 300.0  # seconds that a server may ask for

_CONTENT = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
_SETTINGS = {
    HTTPStatus.UNAUTHORIZED: "check the token and its environment variable",
    HTTPStatus.FORBIDDEN: "give the token the right to write to this bucket",
    HTTPStatus.NOT_FOUND: "create the bucket (InfluxDB 1 and 3: the database), or mend its name",
}


class Refused(Exception):
    """The server will never take some of these points.

    `partial`: it took the others. `dropped`: how many it did not take, None when it does not say.
    """

    def __init__(self, reason: str, *, partial: bool, dropped: int | None) -> None:
        super().__init__(reason)
        self.partial = partial
        self.dropped = dropped


class TooLarge(Exception):
    """The server takes only smaller requests."""


class NotNow(Exception):
    """The server could not be reached or cannot write now; `pause` is how long it asks us to wait, in s."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Denied(NotNow):
    """Nothing will be taken until somebody mends a setting; `next_step` says which."""

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__(reason)
        self.next_step = next_step


class Influx:
    """An open client of one bucket; make it with `Influx.open`."""

    def __init__(self, target: Influxdb, client: Any) -> None:
        from influxdb_client import WriteService

        self._target = target
        self._service = WriteService(client.api_client)
        self._compressed = urlsplit(target.url).hostname not in ("localhost", "127.0.0.1", "::1")

    @classmethod
    @asynccontextmanager
    async def open(cls, target: Influxdb) -> AsyncIterator[Influx]:
        """Open a client whose texts are filled in (see Influxdb.filled_in); TLS is always verified.

        Raises MissingPart without the client library, UsageError for a file of certificates that cannot
        be read.
        """
        try:
            from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
        except ImportError:
            raise MissingPart(
                "forwarding to InfluxDB needs influxdb-client and aiohttp",
                "pip install 'hil-testbed[influxdb]'",
            ) from None
        try:
            client = InfluxDBClientAsync(
                target.url.rstrip("/"), target.token or None, target.org,
                timeout=round(target.timeout * 1000), ssl_ca_cert=target.ca or None,
            )  # fmt: skip
        except OSError as error:
            raise UsageError(f"influxdb: cannot read the certificates in {target.ca}: {error}") from None
        async with client:
            yield cls(target, client)

    async def write(self, lines: bytes) -> None:
        """Write lines; all of them are stored when this returns.

        Raises Refused, TooLarge, NotNow or Denied.
        """
        import aiohttp
        from influxdb_client.rest import ApiException

        about: dict[str, Any] = {}
        if self._compressed:
            packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)  # the client's own gzip is six times slower
            lines = packer.compress(lines) + packer.flush()
            about["content_encoding"] = "gzip"
        try:
            await self._service.post_write_async(
                self._target.org, self._target.bucket, lines, precision="ns", **about
            )
        except ApiException as error:
            raise self._meaning(int(error.status or 0), error.body or b"", error.headers or {}) from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise Denied(self._told(str(error)), "give the file of its certificates with ca") from None
        except (aiohttp.ClientError, ssl.SSLError, TimeoutError, OSError) as error:
            raise NotNow(self._told(str(error) or type(error).__name__)) from None

    def _meaning(self, status: int, body: bytes, headers: Any) -> Exception:
        reason = self._told(_reason(body) or f"HTTP status {status}")
        if status in _CONTENT:
            dropped = re.search(r"dropped=(\d+)", reason)
            return Refused(
                re.sub(r"\s*dropped=\d+", "", reason),
                partial="partial write" in reason,
                dropped=int(dropped[1]) if dropped else None,
            )
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLarge(reason)
        if status in _SETTINGS:
            return Denied(reason, _SETTINGS[HTTPStatus(status)])
        return NotNow(reason, _pause(headers.get("Retry-After", "")))

    def _told(self, text: str) -> str:
        token = self._target.token
        text = " ".join(text.split())[:_LONGEST_REASON]
        return text.replace(token, "***") if token else text


def _reason(body: bytes) -> str:
    """Return the server's own words: `error` in InfluxDB 1, `message` in 2, of the first line in 3."""
    text = body.decode(errors="replace")
    try:
        told = json.loads(text)
    except ValueError:
        return text
    if not isinstance(told, dict):
        return text
    words = str(told.get("message") or told.get("error") or text)
    lines = told.get("data")
    if isinstance(lines, list) and lines and isinstance(lines[0], dict):  # InfluxDB 3, one a line
        words += f": {lines[0].get('error_message', '')} dropped={len(lines)}"
    return words


def _pause(text: str) -> float:
    return min(float(text), _LONGEST_PAUSE) if re.fullmatch(r"\d+(\.\d+)?", text) else 0.0
