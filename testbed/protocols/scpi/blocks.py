"""Blocks of bytes in an answer, such as a waveform: #, a digit n, n digits of length, so many bytes.

Source: IEEE 488.2-1992, 8.7.9 (definite length arbitrary block response data). The indefinite form, #0, ends
with a signal of the bus that a stream of bytes does not have, so it is taken for text.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from testbed.protocols.numbers import NumberType, bounds

LARGEST = 1 << 20
"""Bytes that a block may have: what claims more is noise."""

_HEADER = 2  # bytes before the digits of the length


class Take(StrEnum):
    """Which one number of a block is the signal's."""

    FIRST = "first"
    LAST = "last"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    RMS = "rms"


class BlockSpec(BaseModel):
    """An answer that is a block of numbers, of which the signal is one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: NumberType = Field(NumberType.FLOAT32, description="Of each number: int16, float32, ...")
    order: Literal["big", "little"] = Field("big", description="Its bytes; big is FORM:BORD NORM")
    take: Take = Field(Take.MEAN, description="first, last, mean, min, max or rms")
    scale: float = Field(1.0, description="What one step of a number is in the signal's unit")
    points: int = Field(64, ge=1, le=100_000, description="How many numbers an emulated instrument sends")

    def value(self, data: bytes) -> float:
        """Return the signal's number; raises ValueError for bytes that are no whole numbers of that type."""
        if not data or len(data) % self.type.size:
            raise ValueError(f"a block of {len(data)} bytes, which is no row of {self.type.value}")
        return _TAKES[self.take](np.frombuffer(data, self._dtype).astype(np.float64)) * self.scale

    def bytes_of(self, value: float) -> bytes:
        """Return a block's bytes in which every number is `value`."""
        raw = value / self.scale
        if not self.type.is_float:
            raw = raw if math.isfinite(raw) else 0.0
            low, high = bounds(self.type)
            raw = min(max(round(raw), low), high)
        return np.full(self.points, raw, self._dtype).tobytes()

    @property
    def _dtype(self) -> np.dtype[np.generic]:
        return np.dtype(f"{'>' if self.order == 'big' else '<'}{self.type.code}")


def _rms(numbers: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(numbers))))


_TAKES = {
    Take.FIRST: lambda numbers: float(numbers[0]),
    Take.LAST: lambda numbers: float(numbers[-1]),
    Take.MEAN: lambda numbers: float(np.mean(numbers)),
    Take.MIN: lambda numbers: float(np.min(numbers)),
    Take.MAX: lambda numbers: float(np.max(numbers)),
    Take.RMS: _rms,
}


def encode_block(data: bytes) -> bytes:
    """Return bytes as a block, without the end of the line."""
    length = str(len(data))
    return f"#{len(length)}{length}".encode() + data


def find_block(data: bytes, start: int = 0) -> tuple[int, int] | None:
    """Return where the bytes of a block at `start` begin and end; None when there is none.

    The end may lie beyond what has come; a header of which more has to come ends beyond it as well.
    """
    if data[start : start + 1] != b"#":
        return None
    digit = data[start + 1 : start + 2]
    if not digit:
        return start + 1, len(data) + 1
    if digit not in b"123456789":
        return None
    begin = start + _HEADER + int(digit)
    length = data[start + _HEADER : begin]
    if length and not length.isdigit():
        return None
    if len(data) < begin:
        return begin, len(data) + 1
    if int(length) > LARGEST:
        return None
    return begin, begin + int(length)


def line_end(data: bytes, start: int = 0) -> int:
    """Return where the line at `start` ends, past its line feed; 0 when more has to come."""
    block = find_block(data, start)
    return data.find(b"\n", start if block is None else block[1]) + 1


def whole_lines(data: bytes) -> list[bytes]:
    """Return the whole lines in `data`, with their ends."""
    lines, at = [], 0
    while end := line_end(data, at):
        lines.append(data[at:end])
        at = end
    return lines
