"""When: session time, its scheduler and its seeded chance; everything asks here and nowhere else."""

from .clock import Clock, SessionClock, SystemClock, Ticker, Timer
from .lane import Lane
from .refusal import VirtualTimeError
from .seeds import Seeds
from .virtual import VirtualClock, VirtualLoop, run_virtual

NS = 1_000_000_000
"""Nanoseconds in a second."""

__all__ = [
    "NS",
    "Clock",
    "Lane",
    "Seeds",
    "SessionClock",
    "SystemClock",
    "Ticker",
    "Timer",
    "VirtualClock",
    "VirtualLoop",
    "VirtualTimeError",
    "run_virtual",
]
