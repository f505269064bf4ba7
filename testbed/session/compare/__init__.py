"""Comparing two recordings: strictly or by tolerances, down to the first byte that differs."""

from .comparison import DIVERGED, SAME, Comparison, compare
from .difference import Difference
from .drawing import html, write_html
from .findings import Findings
from .recording import Recording, SampleBlock, SessionRecording
from .rules import IGNORE, Kind, Mask, Rules, Tolerance, split_tolerance
from .tolerance_file import read_tolerances

__all__ = [
    "DIVERGED",
    "IGNORE",
    "SAME",
    "Comparison",
    "Difference",
    "Findings",
    "Kind",
    "Mask",
    "Recording",
    "Rules",
    "SampleBlock",
    "SessionRecording",
    "Tolerance",
    "compare",
    "html",
    "read_tolerances",
    "split_tolerance",
    "write_html",
]
