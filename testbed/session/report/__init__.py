"""One file a run that tells a stranger what was tested, what came of it, how near it was, where to look."""

from .entry import Entry, entry_of
from .junit import write_junit
from .margins import Margin
from .matrix import Trace, traces
from .rates import Rate, rates
from .report import Report
from .requirements import Requirement, read_requirements
from .writing import html, write_html, write_json

__all__ = [
    "Entry",
    "Margin",
    "Rate",
    "Report",
    "Requirement",
    "Trace",
    "entry_of",
    "html",
    "rates",
    "read_requirements",
    "traces",
    "write_html",
    "write_json",
    "write_junit",
]
