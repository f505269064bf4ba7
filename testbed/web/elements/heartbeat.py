"""Says once a second that somebody is there; a page that is closed, hidden or cut off falls silent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui.element import Element


class Heartbeat(Element, component="heartbeat.js"):
    """Calls `beat` once a second while the page is shown; give it up with `delete`."""

    def __init__(self, beat: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.on("beat", beat)
