"""Puts a page together: its markup, uPlot, what all pages share, its own style and script, its data."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from testbed.errors import UsageError


def fill(package: str, data: Any) -> str:
    """Return the page whose parts stand in `page/` of a package; `data` is JSON without NaN."""
    from youplot.vendor import uplot_css, uplot_js

    shared, parts = files(__package__), files(package) / "page"
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    pieces = {
        "{{uplot.css}}": uplot_css(),
        "{{shared.css}}": _read(shared / "shared.css"),
        "{{page.css}}": _read(parts / "page.css"),
        "{{uplot.js}}": uplot_js(),
        "{{shared.js}}": _read(shared / "shared.js"),
        "{{page.js}}": _read(parts / "page.js"),
        # Whatever a device said: nothing in it can end the script element. Last, so that nothing in it
        # is taken for the place of another piece.
        "{{data}}": text.replace("<", "\\u003c"),
    }
    page = _read(parts / "page.html")
    for place, piece in pieces.items():
        page = page.replace(place, piece, 1)
    return page


def write(page: str, file: Path, option: str, *, make_folder: bool = False) -> None:
    """Write a page; raises UsageError, naming the option to give another file with, when that fails."""
    try:
        if make_folder:
            file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {error.strerror}", f"give another file with {option}"
        ) from error


def _read(part: Traversable) -> str:
    return part.read_text(encoding="utf-8")
