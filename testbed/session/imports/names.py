"""Names and units as other tools write them, made into ours."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_BRACKETS = {"]": "[", ")": "("}
_PATH = re.compile(r"(?P<device>[A-Za-z_]\w*)[./](?P<signal>[A-Za-z_]\w*)", re.ASCII)
_SPELLINGS = {"°C": "degC", "℃": "degC", "C°": "degC", "°F": "degF", "℉": "degF", "°": "deg", "": ""}


@dataclass(frozen=True)
class Header:
    """The head of a column: `temp [degC]`, `Temp. 1 (°C)`, `probe.temperature [degC]`.

    `device` is empty when the head does not name one; `title` is the head as it stands, without unit.
    """

    device: str
    name: str
    unit: str
    title: str


def read_header(text: str) -> Header:
    """Take a column's head apart."""
    title, unit = split_unit(text)
    if path := _PATH.fullmatch(title):
        return Header(path["device"], path["signal"], unit, title)
    return Header("", identifier(title), unit, title)


def split_unit(text: str) -> tuple[str, str]:
    """Split `temp [degC]` or `temp (degC)` into name and unit; the unit is empty when there is none."""
    text = text.strip()
    begin = text.rfind(_BRACKETS.get(text[-1:], "\0"))
    if begin < 0:
        return text, ""
    unit = text[begin + 1 : -1].strip()
    return text[:begin].rstrip(), _SPELLINGS.get(unit, unit)


def identifier(text: str) -> str:
    """Return a name of ours that is like `text`: letters, digits and _, not a digit first."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    word = re.sub(r"[^A-Za-z0-9_]+", "_", plain).strip("_")
    if not word:
        return "signal"
    return f"_{word}" if word[0].isdigit() else word
