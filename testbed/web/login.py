"""The login page: plain HTML, so that nothing of the rest is served to whoever is not in yet."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from .access import Doorkeeper, TooManyFailures, Visitor
from .gate import COOKIE

_LONGEST = 4096


def login_routes(doorkeeper: Doorkeeper, *, secure: bool) -> APIRouter:
    """Return the routes; `secure` cookies are for pages over TLS."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    async def ask(request: Request) -> Response:
        return _page("", _goal(request.query_params.get("next", "/")))

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        form = parse_qs((await _body(request)).decode("utf-8", "replace"))
        name, secret = (form.get(key, [""])[0] for key in ("name", "secret"))
        goal = _goal(form.get("next", ["/"])[0])
        try:
            ticket = await doorkeeper.log_in(name, secret, request.client.host if request.client else "")
        except TooManyFailures:
            return _page("Too many tries. Wait a minute.", goal, 429)
        if ticket is None:
            return _page("Name and password do not fit together.", goal, 401)
        answer = RedirectResponse(goal, 303)
        answer.set_cookie(COOKIE, ticket, httponly=True, samesite="strict", secure=secure)
        return answer

    @router.post("/logout")
    async def log_out(request: Request) -> Response:
        visitor: Visitor = request.state.visitor
        doorkeeper.log_out(visitor)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    return router


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST:
            return b""
    return body


def _goal(path: str) -> str:
    """Return a path on this page to go on to; never another site's address."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _page(problem: str, goal: str, status: int = 200) -> HTMLResponse:
    text = (files("testbed.web") / "static" / "login.html").read_text()
    text = text.replace("{problem}", escape(problem)).replace("{next}", escape(goal, quote=True))
    return HTMLResponse(text, status)
