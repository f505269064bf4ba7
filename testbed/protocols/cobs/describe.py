"""What the bytes on a cobs line say: telemetry, commands and their answers."""

from __future__ import annotations

import contextlib

from testbed.bench.profile import Profile
from testbed.protocols.meaning import Fields, Meaning, not_understood, told, unfinished

from .address import CobsProfile, CobsSettings
from .frames import ANSWER, FIRST_COMMAND, BadFrame, Frame, Status, decode_frame

_LONGEST = 256  # bytes of a frame with its delimiter


class CobsDescriber:
    """Follows both directions of one line; without a profile, fields and commands have no names."""

    def __init__(self, profile: Profile | None = None) -> None:
        compiled = CobsProfile.of(profile) if profile else None
        self._crc = compiled.crc if compiled else CobsSettings.model_construct().algorithm()
        self._telemetry = {each.kind: each for each in compiled.telemetry} if compiled else {}
        self._commands = {each.kind: each for each in compiled.commands} if compiled else {}
        self._units = {name: spec.unit for name, spec in profile.signals.items()} if profile else {}
        self._rest = {True: b"", False: b""}

    def describe(self, to_device: bool, data: bytes) -> list[Meaning]:
        """Return the meaning of every frame that ends in `data`, and of what is left."""
        rest = self._rest[to_device]
        buffer, at, found = rest + data, 0, []
        while (end := buffer.find(b"\0", at)) >= 0:
            if end > at:  # two delimiters in a row hold nothing
                found.append(self._frame(buffer, at, end, len(rest)))
            at = end + 1
        left = buffer[at:]
        if len(left) > _LONGEST:
            why = f"no delimiter within {_LONGEST} bytes"
            found.append(not_understood(at - len(rest), data, len(data), why))
            left = b""
        elif left:
            found.append(unfinished(at - len(rest), len(data)))
        self._rest[to_device] = left
        return found

    def _frame(self, buffer: bytes, at: int, end: int, before: int) -> Meaning:
        start, stop = at - before, end + 1 - before
        frame = decode_frame(buffer[at:end], self._crc)
        if isinstance(frame, BadFrame):
            return not_understood(start, buffer[before:], stop, frame.reason)
        values: dict[str, float] = {}
        sort = "telemetry" if frame.kind < FIRST_COMMAND else "command"
        fields: Fields = {sort: frame.kind & ~ANSWER, "sequence": frame.sequence}
        if frame.kind & ANSWER:
            text = self._answer(frame, fields)
        elif frame.kind in self._telemetry:
            text = self._fields(frame, values)
        else:
            text = self._command(frame, values)
        return Meaning(start, stop, text, fields, values)

    def _fields(self, frame: Frame, values: dict[str, float]) -> str:
        head = f"telemetry 0x{frame.kind:02X} seq {frame.sequence}"
        layout = self._telemetry[frame.kind]
        if len(frame.payload) < layout.layout.size:
            return f"{head}: {len(frame.payload)} bytes, expected {layout.layout.size}"
        numbers = layout.layout.unpack_from(frame.payload)
        for (name, _, scale), raw in zip(layout.fields, numbers, strict=True):
            values[name] = raw * scale
        return f"{head}: {told(values.items(), self._units)}"

    def _command(self, frame: Frame, values: dict[str, float]) -> str:
        layout = self._commands.get(frame.kind)
        if layout is None:
            payload = frame.payload.hex(" ") or "nothing"
            return f"type 0x{frame.kind:02X} seq {frame.sequence}, which the profile does not know: {payload}"
        head = f"command 0x{frame.kind:02X} seq {frame.sequence}"
        if len(frame.payload) != layout.layout.size:
            return f"{head}: {len(frame.payload)} bytes, expected {layout.layout.size}"
        values[layout.signal] = layout.layout.unpack(frame.payload)[0] * layout.scale
        return f"{head}: set {told(values.items(), self._units)}"

    def _answer(self, frame: Frame, fields: Fields) -> str:
        kind = frame.kind & ~ANSWER
        layout = self._commands.get(kind)
        name = f" ({layout.signal})" if layout else ""
        head = f"answer to command 0x{kind:02X} seq {frame.sequence}{name}"
        if len(frame.payload) != 1:
            return f"{head}: {len(frame.payload)} bytes, expected one status byte"
        fields["status"] = frame.payload[0]
        with contextlib.suppress(ValueError):
            return f"{head}: {Status(frame.payload[0]).words}"
        return f"{head}: unknown status {frame.payload[0]}"
