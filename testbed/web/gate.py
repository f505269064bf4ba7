"""Stands before everything that is served: host, origin, login, and the headers of each answer.

NiceGUI's socket takes events from any origin and without a cookie, so nothing may reach it but through here.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

from .access import LOCAL, Doorkeeper, Visitor

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "testbed"
NICEGUI_SOCKET = "/_nicegui_ws"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PUBLIC = ("/login", "/public/")

# NiceGUI's pages hold inline scripts and compile templates, which needs both words in script-src.
_CSP = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = [
    (b"content-security-policy", _CSP.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
]


class Refusal(Exception):
    """Why somebody is not let through, as an HTTP status and a text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Knock:
    """What the gate looks at of a request."""

    def __init__(self, scope: Scope) -> None:
        self.socket = scope["type"] == "websocket"
        self.path: str = scope["path"]
        self.method: str = "GET" if self.socket else scope["method"]
        self._headers: dict[str, str] = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }

    def header(self, name: str) -> str:
        """Return a header, empty when there is none."""
        return self._headers.get(name, "")

    @property
    def acts(self) -> bool:
        """Whether it could change something; NiceGUI's socket carries clicks."""
        return self.socket or self.method not in _SAFE_METHODS

    def cookie(self, name: str) -> str:
        """Return a cookie, empty when there is none."""
        try:
            found = SimpleCookie(self.header("cookie")).get(name)
        except CookieError:
            return ""
        return str(found.value) if found else ""


class Gate:
    """Lets through who may, with `state.visitor` set; refuses the rest.

    `hosts` are the names under which we may be called, None for any: on a page without logins, a name
    that an attacker's DNS points at us must not count as ours.
    """

    def __init__(self, app: App, doorkeeper: Doorkeeper, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        knock = Knock(scope)
        try:
            self._check_host(knock)
            self._check_origin(knock)
            visitor = self._visitor(knock)
            self._check_login(knock, visitor)
        except Refusal as refusal:
            await _refuse(knock, refusal, receive, send)
            return
        scope.setdefault("state", {})["visitor"] = visitor
        await self._app(scope, receive, send if knock.socket else _with_headers(send))

    def _check_host(self, knock: Knock) -> None:
        name = _host_name(knock.header("host"))
        if self._hosts is not None and name not in self._hosts:
            raise Refusal(421, f"this page is not called {name!r}; open it by the address that was printed")

    def _check_origin(self, knock: Knock) -> None:
        nicegui = knock.path.startswith(NICEGUI_SOCKET)
        if nicegui and not knock.socket:
            raise Refusal(403, "only by WebSocket")  # polling carries no Origin to be checked
        if not (knock.acts or nicegui):
            return
        origin = knock.header("origin")
        if origin and urlsplit(origin).netloc.lower() != knock.header("host").lower():
            raise Refusal(403, "a page of another origin may not do this")
        if knock.header("sec-fetch-site") not in ("", "same-origin", "none"):
            raise Refusal(403, "a page of another site may not do this")
        if nicegui and not origin:
            raise Refusal(403, "a page says where it comes from")

    def _visitor(self, knock: Knock) -> Visitor | None:
        scheme, _, token = knock.header("authorization").partition(" ")
        if scheme.lower() == "bearer" and not self._doorkeeper.open:
            return self._doorkeeper.by_token(token.strip())
        if self._doorkeeper.open:
            return LOCAL
        visitor = self._doorkeeper.by_ticket(knock.cookie(COOKIE))
        if visitor is not None and knock.acts and not knock.header("origin"):
            raise Refusal(403, "with a cookie, say the Origin; programs use a token")
        return visitor

    def _check_login(self, knock: Knock, visitor: Visitor | None) -> None:
        if visitor is None and not knock.path.startswith(_PUBLIC):
            raise Refusal(401, "log in first")


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sending


async def _refuse(knock: Knock, refusal: Refusal, receive: Receive, send: Send) -> None:
    if knock.socket:
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": str(refusal)[:100]})
        return
    headers = [(b"content-type", b"application/json"), *_HEADERS]
    body = json.dumps({"detail": str(refusal)}).encode()
    status = refusal.status
    if status == 401 and "text/html" in knock.header("accept") and not knock.acts:
        status, body = 303, b""
        headers.append((b"location", f"/login?next={quote(knock.path)}".encode()))
    elif status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
