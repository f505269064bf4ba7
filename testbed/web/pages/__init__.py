"""What people see: one file a page, all inside the same shell."""

from __future__ import annotations

import gc

from fastapi import FastAPI

from testbed.web.house import House


def add_pages(app: FastAPI, house: House) -> None:
    """Put the pages under `/` of the application, with NiceGUI around them."""
    from nicegui import app as nicegui_app
    from nicegui import ui

    from . import bench, compare, curves, device, events, loops, report, sessions

    for page in (sessions, bench, curves, device, loops, events, report, compare):
        page.add(house)
    # Its polling carries no Origin that could be checked (see Gate).
    nicegui_app.config.socket_io_js_transports = ["websocket"]
    ui.run_with(app, title="testbed", dark=None, tailwind=False, show_welcome_message=False)
    gc.freeze()  # what is loaded stays; a full collection would hold up every page
