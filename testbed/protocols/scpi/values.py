"""What instruments answer: numbers, identities, entries of the error queue.

Sources: IEEE 488.2-1992, section 8.7 (numeric response data NR1, NR2, NR3) and 10.14 (*IDN?);
SCPI-99 volume 1, 7.2.1 (NaN and infinities), volume 2, 21.8 (the error queue).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ERROR = re.compile(r'\s*([+-]?[0-9]{1,5})\s*,\s*"((?:[^"]|"")*)"\s*')
_NAN = 9.91e37
_INFINITY = 9.9e37

NOT_A_NUMBER = "9.91E37"
OVERLOAD = "9.9E37"

ERROR_TEXTS = {
    0: "No error",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -222: "Data out of range",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
}
"""The errors that our emulators raise, as SCPI-99 volume 2, 21.8.9 to 21.8.12 words them."""


def parse_number(text: str) -> float:
    """Return a numeric answer: NaN for 9.91E37, an infinity for 9.9E37 (overload) and its negative.

    Raises ValueError for anything that is no NR1, NR2 or NR3.
    """
    stripped = text.strip(" \t")
    if _NUMBER.fullmatch(stripped) is None:
        raise ValueError(f"{shown(text)} is no number")
    value = float(stripped)
    if value == _NAN:
        return math.nan
    if abs(value) == _INFINITY:
        return math.copysign(math.inf, value)
    if math.isinf(value):
        raise ValueError(f"{shown(text)} is larger than any number")
    return value


def format_number(value: float) -> str:
    """Return a number as an instrument answers it: NR3 with nine digits."""
    if math.isnan(value):
        return NOT_A_NUMBER
    if math.isinf(value):
        return OVERLOAD if value > 0 else f"-{OVERLOAD}"
    return f"{value:+.8E}"


def shown(text: str, most: int = 60) -> str:
    """Return an answer in quotes, shortened, for messages."""
    return repr(text if len(text) <= most else text[:most] + "...")


@dataclass(frozen=True)
class ErrorEntry:
    """One entry of the error queue: 0 is none, negative codes are SCPI's, positive ones the maker's."""

    code: int
    text: str

    @classmethod
    def standard(cls, code: int, detail: str = "") -> ErrorEntry:
        """Return one of ERROR_TEXTS, with the device's own words behind a semicolon."""
        return cls(code, ERROR_TEXTS[code] + (f";{detail}" if detail else ""))

    @classmethod
    def parse(cls, answer: str) -> ErrorEntry:
        """Read `code,"text"`; raises ValueError when the answer has another form."""
        match = _ERROR.fullmatch(answer)
        if match is None:
            raise ValueError(f"{shown(answer)} is no entry of an error queue")
        return cls(int(match[1]), match[2].replace('""', '"'))

    def answer(self) -> str:
        """Return it as the instrument answers SYSTem:ERRor?; the text has at most 255 characters."""
        text = self.text[:255].replace('"', '""')
        return f'{self.code},"{text}"'

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


@dataclass(frozen=True)
class Identity:
    """What *IDN? tells; fields that an instrument leaves out are empty."""

    maker: str
    model: str = ""
    serial: str = ""
    firmware: str = ""

    @classmethod
    def parse(cls, answer: str) -> Identity:
        """Read the four fields; a comma too many belongs to the firmware."""
        return cls(*(field.strip() for field in answer.split(",", 3)))

    @property
    def type(self) -> str:
        """Maker and model: what decides whether a profile fits."""
        return f"{self.maker} {self.model}".strip()
