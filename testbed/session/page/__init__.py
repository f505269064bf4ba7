"""Pages for people that are one file and need no network: uPlot inlined, curves thinned to their extremes."""

from .commands import CommandMarks
from .curve import Curve, Times, Values, packed
from .filling import fill, write

__all__ = ["CommandMarks", "Curve", "Times", "Values", "fill", "packed", "write"]
