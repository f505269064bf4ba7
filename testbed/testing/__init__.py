"""The face that pytest shows: what tests of a bench are written with."""

from .handles import (
    AnyBench,
    AnyDevice,
    BenchHandle,
    CommandNotDone,
    DeviceHandle,
    ReadableSignal,
    WritableSignal,
)
from .requirements import verifies
from .sweep import between, sweep

__all__ = [
    "AnyBench",
    "AnyDevice",
    "BenchHandle",
    "CommandNotDone",
    "DeviceHandle",
    "ReadableSignal",
    "WritableSignal",
    "between",
    "sweep",
    "verifies",
]
