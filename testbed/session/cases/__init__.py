"""Regression cases: sessions that are kept, and replayed to see whether everything is still as it was."""

from .case import Case, find_cases, unpack
from .junit import write_junit
from .outcome import CaseVerdict, Outcome, exit_code, replay_case
from .page import write_page
from .promote import FOREVER_NS, check_tolerances, pack, read_time, trim

__all__ = [
    "FOREVER_NS",
    "Case",
    "CaseVerdict",
    "Outcome",
    "check_tolerances",
    "exit_code",
    "find_cases",
    "pack",
    "read_time",
    "replay_case",
    "trim",
    "unpack",
    "write_junit",
    "write_page",
]
