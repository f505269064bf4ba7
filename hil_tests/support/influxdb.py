"""A real InfluxDB 1.6.7, as Debian has it, behind a small shim that speaks the v2 write API.

The shim translates address and parameters and lets bodies and answers through as they are.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

_HOST = "127.0.0.1"
_START_TIMEOUT = 30.0  # s
_PRECISIONS = {"ns": "n", "us": "u", "ms": "ms", "s": "s"}


class Influxd:
    """One server; its data outlives `kill` and `stop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "influxdb.conf").write_text(
            f"""reporting-disabled = true
bind-address = "{_HOST}:0"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[monitor]
store-enabled = false
[http]
bind-address = "{_HOST}:{self.port}"
log-enabled = false
"""
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        binary = shutil.which("influxd") or "/usr/bin/influxd"
        with (self.folder / "influxd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [binary, "-config", str(self.folder / "influxdb.conf")], stdout=log, stderr=log
            )
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "influxd.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "InfluxDB did not start"
            time.sleep(0.05)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.request("GET", "/ping")[0] == 204
        return False

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(30)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Return status and body of one HTTP request."""
        connection = http.client.HTTPConnection(_HOST, self.port, timeout=30)
        try:
            connection.request(method, path, body or None, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def create(self, database: str) -> None:
        """Create a database."""
        self.request("POST", "/query?" + urlencode({"q": f'CREATE DATABASE "{database}"'}))

    def query(self, database: str, statement: str) -> list[dict[str, Any]]:
        """Return the series that an InfluxQL statement gives, times in ns."""
        options = urlencode({"db": database, "q": statement, "epoch": "ns"})
        status, body = self.request("GET", f"/query?{options}")
        (result,) = json.loads(body)["results"]
        assert status == 200, body
        assert "error" not in result, (statement, result)
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def rows(self, database: str, statement: str) -> list[dict[str, Any]]:
        """Return the rows of all series, each as column to value."""
        return [
            {**series.get("tags", {}), **dict(zip(series["columns"], row, strict=True))}
            for series in self.query(database, statement)
            for row in series["values"]
        ]


@contextlib.contextmanager
def influxd(folder: Path) -> Iterator[Influxd]:
    """Run a server whose files are in `folder`."""
    server = Influxd(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@dataclass
class Shim:
    """What the v2 API's clients see, and what was asked of it."""

    upstream: Influxd
    token: str = ""
    url: str = ""
    sizes: list[int] = field(default_factory=list)
    encodings: set[str | None] = field(default_factory=set)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    """Answers to give in place of the server's, each once, before anything is passed on."""
    limit: int = 1 << 30
    """Bytes of the largest body that is taken."""


@contextlib.contextmanager
def shim(
    upstream: Influxd, token: str = "", tls: ssl.SSLContext | None = None, host: str = _HOST
) -> Iterator[Shim]:
    """Serve the v2 write API in a thread; when the server behind it is away, connections break."""
    about = Shim(upstream, token)
    server = _Server((host, 0), type("Handler", (_Handler,), {"about": about}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    about.url = f"http{'s' if tls else ''}://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield about
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away in the middle are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    about: Shim

    def do_POST(self) -> None:
        about = self.about
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path != "/api/v2/write":
            self._answer(404, b'{"code":"not found","message":"path not found"}')
        elif about.token and self.headers.get("Authorization") != f"Token {about.token}":
            self._answer(401, b'{"code":"unauthorized","message":"unauthorized access"}')
        elif len(body) > about.limit:
            self._answer(413, b'{"code":"request too large","message":"too large"}')
        elif about.answers:
            self._answer(*about.answers.pop(0))
        else:
            self._pass_on(body, query)

    def _pass_on(self, body: bytes, query: dict[str, list[str]]) -> None:
        encoding = self.headers.get("Content-Encoding")
        self.about.sizes.append(len(body))
        self.about.encodings.add(encoding)
        options = urlencode({"db": query["bucket"][0], "precision": _PRECISIONS[query["precision"][0]]})
        headers = {"Content-Encoding": encoding} if encoding else {}
        try:
            self._answer(*self.about.upstream.request("POST", f"/write?{options}", body, headers))
        except OSError:
            self.close_connection = True  # as if nobody were there

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
        pass


def small_disk_possible() -> bool:
    """Return whether a disk of a few megabytes can be mounted here."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """Make `folder` a disk of its own of `size` bytes."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def free_port() -> int:
    """Return a free port below those that the kernel gives to outgoing connections.

    One of theirs may be taken between our look and the server's start, or while a test has it stopped.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((_HOST, port))
            return port


def serve(port: int, upstream: Influxd) -> None:
    """Serve the shim at a port for ever, for those who give it a process of its own."""
    _Server((_HOST, port), type("Handler", (_Handler,), {"about": Shim(upstream)})).serve_forever()
