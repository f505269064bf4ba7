"""Curves that follow a session, and can be looked into from all of it to a millisecond."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments


class Chart(Element, component="chart.js"):
    """All the charts of a page: one element, so that one message and one frame draw them together.

    `panels` are dicts: title, unit, series (path, label, session, dash, step), limits [low, high] or None,
    lines [{value, label}]. `starts` gives each session's start in ms, `end` is where the longest ends.
    With `elapsed` time counts from each session's start, so that two can be laid over each other.
    """

    def __init__(
        self,
        session: str,
        panels: Sequence[dict[str, Any]],
        starts: dict[str, float],
        end: float,
        *,
        live: bool,
        elapsed: bool = False,
        height: int = 190,
        notes: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__()
        self._props["session"] = session
        self._props["panels"] = list(panels)
        self._props["starts"] = starts
        self._props["end"] = end
        self._props["live"] = live
        self._props["elapsed"] = elapsed
        self._props["height"] = height
        self._props["notes"] = list(notes)

    def on_moment(self, callback: Callable[[float], object]) -> None:
        """Call back with UTC ms when somebody points at a moment."""

        def pointed(event: GenericEventArguments) -> None:
            callback(float(event.args["t"]))

        self.on("moment", pointed)

    def add_note(self, note: dict[str, Any]) -> None:
        """Draw one more note."""
        self.run_method("note", note)
