"""What NiceGUI lacks: curves by uPlot, a heartbeat, and markup that is built, never pasted together."""

from .chart import Chart
from .heartbeat import Heartbeat
from .markup import h, show

__all__ = ["Chart", "Heartbeat", "h", "show"]
