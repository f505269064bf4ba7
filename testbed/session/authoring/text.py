"""Numbers and names as a person would write them in a test."""

from __future__ import annotations

import keyword
import math
import re

HANDLES_OWN = ("sleep",)
"""What handles of benches and devices offer themselves."""


def round_up(value: float, digits: int = 1) -> float:
    """Return the next number above that has so many significant digits."""
    if value <= 0 or not math.isfinite(value):
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return float(f"{math.ceil(value / step - 1e-9) * step:.12g}")


def rounded(value: float, step: float) -> str:
    """Return a value to the decimals of a step, shortly."""
    places = max(0, -math.floor(math.log10(step))) if step > 0 else 6
    return f"{round(value, places) + 0.0:.12g}"  # + 0.0: no -0


def function_name(*words: str) -> str:
    """Return words as the name of a test."""
    return "test_" + "_".join(filter(None, re.split(r"\W+", " ".join(words).lower())))


def handle(path: str) -> str:
    """Return how a test writes the signal called device.name."""
    device, _, name = path.partition(".")
    return f'bench["{device}"].{name}' if is_attribute(name) else f'bench["{device}"]["{name}"]'


def is_attribute(name: str) -> bool:
    """Whether Python and a bench's handles let a device or a signal of that name be an attribute."""
    return (
        not (keyword.iskeyword(name) or name.startswith("_") or name in HANDLES_OWN) and name.isidentifier()
    )


def number(value: float) -> str:
    """Return a number as Python reads it."""
    return f"{value:.12g}" if math.isfinite(value) else f'float("{value}")'


def in_docstring(text: object) -> str:
    """Return text that can stand in a docstring."""
    return str(text).replace("\\", "/").replace('"', "'").replace("\n", " ")


def quantity(value: float, unit: str) -> str:
    """Return a value with its unit as a text in Python."""
    return f'"{value:.12g} {unit}"' if unit else f"{value:.12g}"
