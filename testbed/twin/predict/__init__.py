"""What will be: the course of a device under given inputs, and when it will reach a limit."""

from .course import Course, foretell
from .reach import Reach, reach
from .scores import HORIZON, Scores

__all__ = ["HORIZON", "Course", "Reach", "Scores", "foretell", "reach"]
