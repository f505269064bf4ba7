"""Puts the parts together into one ASGI application behind one gate."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from testbed import __version__
from testbed.errors import DamagedInput, LinkError, TestbedError
from testbed.session.control_client import RequestRefused

from .api import api_routes
from .archive import NoSuchSession
from .gate import App, Gate
from .hands import NotAllowed
from .house import House
from .login import login_routes
from .pages import add_pages
from .stream import stream_routes

_STATUS: tuple[tuple[type[TestbedError], int], ...] = (
    (NoSuchSession, 404),
    (NotAllowed, 403),
    (RequestRefused, 409),
    (LinkError, 409),
    (DamagedInput, 422),
    (TestbedError, 422),
)


def make_app(house: House, hosts: frozenset[str] | None, *, secure: bool = False) -> App:
    """Return the application; `hosts` as in Gate, `secure` when it is served over TLS."""
    app = FastAPI(
        title="testbed",
        version=__version__,
        description="The bench that is running, and the sessions that were recorded.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # its pages would load scripts from elsewhere
        redoc_url=None,
    )
    app.include_router(login_routes(house.doorkeeper, secure=secure))
    app.include_router(api_routes(house))
    app.include_router(stream_routes(house))
    app.add_exception_handler(TestbedError, _problem)
    _serve_static(app)
    add_pages(app, house)
    return Gate(app, house.doorkeeper, hosts)


async def _problem(request: Request, error: Exception) -> Response:
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    return JSONResponse({"detail": str(error)}, status)


def _serve_static(app: FastAPI) -> None:
    """Serve our few files, and uPlot's out of the package that brings it."""
    ours = files("testbed.web") / "static"
    uplot = files("youplot") / "vendor"
    served = {
        "theme.css": (ours / "theme.css", "text/css"),
        **{name: (ours / name, "text/javascript") for name in ("live.js", "curve.js", "drawing.js")},
        "uplot.css": (uplot / "uplot.min.css", "text/css"),
        "uplot.js": (uplot / "uplot.iife.min.js", "text/javascript"),
    }

    @app.get("/public/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in served:
            return JSONResponse({"detail": "no such file"}, 404)
        path, kind = served[name]
        return FileResponse(str(path), media_type=kind, headers={"cache-control": "no-cache"})
