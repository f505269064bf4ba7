"""The face that pytest shows: what tests of a bench are written with."""

from .expecting import Waiting, expect
from .handles import (
    AnyBench,
    AnyDevice,
    BenchHandle,
    CommandNotDone,
    DeviceHandle,
    ReadableSignal,
    WritableSignal,
)
from .markers import loop_budget, needs, on_bench, repeat_until_confident
from .requirements import verifies
from .sweep import between, sweep

__all__ = [
    "AnyBench",
    "AnyDevice",
    "BenchHandle",
    "CommandNotDone",
    "DeviceHandle",
    "ReadableSignal",
    "Waiting",
    "WritableSignal",
    "between",
    "expect",
    "loop_budget",
    "needs",
    "on_bench",
    "repeat_until_confident",
    "sweep",
    "verifies",
]
