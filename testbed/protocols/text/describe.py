"""What lines of text say."""

from __future__ import annotations

from testbed.bench.profile import Profile
from testbed.protocols.meaning import Meaning, not_understood, told, unfinished

from .address import TextProfile
from .lines import LONGEST, BadLine, Checksum, decode_line


class TextDescriber:
    """Follows what a device sends; without a profile fields have no names."""

    def __init__(self, profile: Profile | None = None) -> None:
        self._profile = TextProfile.of(profile) if profile else None
        self._units = {name: spec.unit for name, spec in profile.signals.items()} if profile else {}
        self._rest = b""

    def describe(self, to_device: bool, data: bytes) -> list[Meaning]:
        """Return the meaning of every line that ends in `data`, and of what is left."""
        if to_device:
            return [not_understood(0, data, len(data), "nothing is ever asked")]
        before, buffer, at, found = len(self._rest), self._rest + data, 0, []
        while (end := buffer.find(b"\n", at)) >= 0:
            found.append(self._line(buffer[at:end], at - before, end + 1 - before))
            at = end + 1
        self._rest = buffer[at:][-LONGEST:]
        if self._rest:
            found.append(unfinished(at - before, len(data)))
        return found

    def _line(self, raw: bytes, start: int, end: int) -> Meaning:
        profile = self._profile
        separator, checksum = (profile.separator, profile.checksum) if profile else (",", Checksum.NONE)
        line = decode_line(raw.strip(b"\r\0 "), separator, checksum)
        if isinstance(line, BadLine):
            return not_understood(start, raw, end, line.reason)
        values: dict[str, float] = {}
        for layout in profile.lines if profile else ():
            if layout.fits(line.fields):
                for each in layout.fields:
                    try:
                        values[each.signal] = each.read(line.fields)
                    except ValueError:
                        continue  # the driver says so of that signal
        text = told(values.items(), self._units) or separator.join(line.fields)
        return Meaning(start, end, f"line {line.fields[0]}: {text}", {"line": line.fields[0]}, values)
