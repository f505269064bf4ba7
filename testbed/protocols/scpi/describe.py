"""What the lines to and from an instrument say."""

from __future__ import annotations

import contextlib
from collections import deque

from testbed.bench.profile import Profile
from testbed.protocols.meaning import Fields, Meaning, not_understood, told, unfinished

from .address import SetTemplate, check_scpi, parse_parameter
from .blocks import find_block, line_end
from .headers import MessageError, parse_unit
from .lines import LONGEST
from .values import ErrorEntry, parse_number, shown

_COMMON = {
    "*IDN?": "asks for the identity",
    "*CLS": "clears the error queue",
    "SYST:ERR?": "asks for the oldest error",
    "*RST": "resets the instrument",
}


class ScpiDescriber:
    """Follows a conversation: a line of the instrument answers the oldest question that is open."""

    def __init__(self, profile: Profile | None = None) -> None:
        addresses = check_scpi(profile) if profile else {}
        self._queries = {each.query: name for name, each in addresses.items() if each.query}
        self._blocks = {name: each.block for name, each in addresses.items() if each.block}
        self._templates = {name: SetTemplate.of(each.set_) for name, each in addresses.items() if each.set_}
        self._units = {name: spec.unit for name, spec in profile.signals.items()} if profile else {}
        self._open: deque[str] = deque()
        self._rest = {True: b"", False: b""}

    def describe(self, to_device: bool, data: bytes) -> list[Meaning]:
        """Return the meaning of every line that ends in `data`, and of what is left."""
        if to_device and b"?" in data:
            self._open.clear()  # one question at a time: what was asked before is no longer waited for
        rest = self._rest[to_device]
        buffer, at, found = rest + data, 0, []
        while end := line_end(buffer, at):
            line = buffer[at : end - 1].removesuffix(b"\r")
            start, stop = at - len(rest), end - len(rest)
            text, block = line.decode("ascii", "backslashreplace"), find_block(line)
            if to_device:
                found.append(self._asked(start, stop, text))
            elif block is not None and block[1] <= len(line):
                found.append(self._block(start, stop, line[slice(*block)]))
            else:
                found.append(self._answered(start, stop, text))
            at = end
        left = buffer[at:]
        if len(left) > LONGEST and find_block(left) is None:
            found.append(not_understood(at - len(rest), data, len(data), f"no line within {LONGEST} bytes"))
            left = b""
        elif left:
            found.append(unfinished(at - len(rest), len(data)))
        self._rest[to_device] = left
        return found

    def _asked(self, start: int, end: int, line: str) -> Meaning:
        fields: Fields = {"line": line}
        if line.endswith("?"):
            self._open.append(line)
        name = self._queries.get(line)
        if name is not None:
            return Meaning(start, end, f"{line} asks for {name}", fields)
        if line.upper() in _COMMON:
            return Meaning(start, end, f"{line} {_COMMON[line.upper()]}", fields)
        with contextlib.suppress(MessageError, ValueError):
            unit = parse_unit(line)
            for name, template in self._templates.items():
                if template.matches(unit):
                    values = {name: parse_parameter(unit.parameters[-1])}
                    return Meaning(
                        start, end, f"{shown(line)} sets {told(values.items(), self._units)}", fields, values
                    )
        words = "asks" if line.endswith("?") else "tells"
        return Meaning(start, end, f"{words} {shown(line)}", fields)

    def _block(self, start: int, end: int, data: bytes) -> Meaning:
        if not self._open:
            return Meaning(start, end, f"a block of {len(data)} bytes, which answers no question", {})
        question = self._open.popleft()
        fields: Fields = {"bytes": len(data), "answers": question}
        name = self._queries.get(question, "")
        spec = self._blocks.get(name)
        if spec is None:
            return Meaning(start, end, f"a block of {len(data)} bytes, answers {question}", fields)
        try:
            values = {name: spec.value(data)}
        except ValueError as error:
            return Meaning(start, end, f"not understood: {error}, answers {question}", fields)
        text = f"{told(values.items(), self._units)}, the {spec.take} of a block, answers {question}"
        return Meaning(start, end, text, fields, values)

    def _answered(self, start: int, end: int, line: str) -> Meaning:
        fields: Fields = {"line": line}
        if not self._open:
            return Meaning(start, end, f"{shown(line)}, which answers no question", fields)
        question = self._open.popleft()
        fields["answers"] = question
        name = self._queries.get(question)
        try:
            if name is not None:
                values = {name: parse_number(line)}
                text = f"{told(values.items(), self._units)}, answers {question}"
                return Meaning(start, end, text, fields, values)
            if question == "SYST:ERR?":
                return Meaning(start, end, f"{ErrorEntry.parse(line)}, answers {question}", fields)
        except ValueError as error:
            return Meaning(start, end, f"not understood: {error}, answers {question}", fields)
        return Meaning(start, end, f"{shown(line)}, answers {question}", fields)
