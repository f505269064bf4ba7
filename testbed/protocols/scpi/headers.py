"""Program messages as an instrument hears them: headers in short or long form, chained units.

Sources: SCPI-99 volume 1, 6.2 (headers, short and long forms, numeric suffixes, the path of compound
messages); IEEE 488.2-1992, 7.3 (program message units).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEYWORD = re.compile(r"(?P<name>[A-Za-z][A-Za-z_]*)(?P<suffix>[0-9]*)")
_UNIT = re.compile(r":?\*?[A-Za-z][A-Za-z0-9_]*(?::[A-Za-z][A-Za-z0-9_]*)*\??")


class MessageError(ValueError):
    """A program message is malformed; `code` is the SCPI error that it raises."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class HeaderPattern:
    """A header as manuals write it, `MEASure:TEMPerature?`: capitals are the short form.

    It matches either form of each keyword, in any case, and a suffix 1 that was left out.
    """

    text: str
    keywords: tuple[tuple[str, str, str], ...]
    """(short form, long form, numeric suffix) of each keyword, in capitals."""

    @classmethod
    def of(cls, text: str) -> HeaderPattern:
        """Compile a header; raises ValueError when it is none."""
        if _UNIT.fullmatch(text) is None:
            raise ValueError(f"{text!r} is no SCPI header; write it as in MEAS:TEMP? or MEASure:TEMPerature?")
        keywords = []
        for name, suffix in _split(text):
            short = re.sub("[a-z]+$", "", name)
            # A keyword in small letters only has no short form of its own.
            keywords.append(((short or name).upper(), name.upper(), suffix))
        return cls(text, tuple(keywords))

    def matches(self, header: str) -> bool:
        """Whether a header, with its path already resolved, means this one."""
        if header.endswith("?") != self.text.endswith("?") or ("*" in header) != ("*" in self.text):
            return False
        heard = _split(header)
        return len(heard) == len(self.keywords) and all(
            name.upper() in (short, long) and suffix == wanted
            for (name, suffix), (short, long, wanted) in zip(heard, self.keywords, strict=True)
        )


def _split(header: str) -> list[tuple[str, str]]:
    """Return (keyword, numeric suffix) for each level; no suffix means 1."""
    found = []
    for keyword in header.strip(":*?").split(":"):
        match = _KEYWORD.fullmatch(keyword)
        # A digit inside a keyword is part of its name.
        found.append((match["name"], match["suffix"] or "1") if match else (keyword, "1"))
    return found


@dataclass(frozen=True)
class MessageUnit:
    """One command or query of a program message: its header from the root, its parameters."""

    header: str
    parameters: tuple[str, ...]

    @property
    def is_query(self) -> bool:
        """Whether it asks for an answer."""
        return self.header.endswith("?")


def parse_unit(text: str, path: str = "") -> MessageUnit:
    """Read one unit; `path` stands before a header that begins neither with : nor with *."""
    header, _, rest = text.strip().replace("\t", " ").partition(" ")
    if _UNIT.fullmatch(header) is None:
        raise MessageError(-102, header[:40])
    header = header.removeprefix(":") if header.startswith((":", "*")) else path + header
    rest = rest.strip()
    parameters = tuple(part.strip() for part in split_outside_quotes(rest, ",")) if rest else ()
    return MessageUnit(header, parameters)


def next_path(unit: MessageUnit, path: str) -> str:
    """Return the path for the unit that follows: the levels above this one; common commands keep it."""
    if unit.header.startswith("*"):
        return path
    above = unit.header.rpartition(":")[0]
    return f"{above}:" if above else ""


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at a separator that is not inside a quoted string."""
    parts, start, quote = [], 0, ""
    for index, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == separator:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]
