"""Draws."""

from pathlib import Path
from typing import Any


def write_html(comparison: Any, file: Path, progress: Any) -> None:
    """Draw."""
