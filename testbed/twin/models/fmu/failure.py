"""What goes wrong inside an FMU."""

from __future__ import annotations

from ..base import ModelFailed


class FmuFailed(ModelFailed):
    """An FMU could not be started, or cannot go on; the text ends with what it said itself."""
