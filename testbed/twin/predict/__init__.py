"""What will be: the course of a device under given inputs, and when it will reach a limit."""

from .course import Course, foretell
from .futures import Future, Plan, futures
from .outlook import Outlook
from .reach import Reach, reach
from .scores import HORIZON, Scores

__all__ = [
    "HORIZON",
    "Course",
    "Future",
    "Outlook",
    "Plan",
    "Reach",
    "Scores",
    "foretell",
    "futures",
    "reach",
]
