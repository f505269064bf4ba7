"""What will be: the course of a device under given inputs, and when it will reach a limit."""

from .course import Course, foretell
from .reach import Reach, reach

__all__ = ["Course", "Reach", "foretell", "reach"]
