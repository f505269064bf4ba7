"""What an exchange with a characteristic says."""

from __future__ import annotations

from dataclasses import replace

from testbed.bench.profile import Profile
from testbed.bench.uuids import uuid_words
from testbed.protocols.meaning import Fields, Meaning, not_understood, told

from .characteristic import Characteristic, characteristics
from .information import TEXTS

_ERROR = "error response"
_EMPTY = ("read request", "write response")


class GattDescriber:
    """Names characteristics and their values by the profile."""

    def __init__(self, profile: Profile | None = None) -> None:
        found = characteristics(profile) if profile else []
        self._known: dict[str, Characteristic] = {each.uuid: each for each in found}
        self._units = {name: spec.unit for name, spec in profile.signals.items()} if profile else {}

    def describe(self, operation: str, characteristic: str, value: bytes) -> Meaning:
        """Return the meaning of one exchange.

        `operation` is the name of the ATT operation in small letters ("read response"), `characteristic` a
        128-bit UUID in text. `start` and `end` are those of the value.
        """
        fields: Fields = {"operation": operation, "characteristic": uuid_words(characteristic)}
        head = f"{operation} of {fields['characteristic']}"
        known = self._known.get(characteristic)
        if known is not None:
            head += f" ({', '.join(known.fields)})"
        if operation == _ERROR:
            code = value.hex() or "none"
            return Meaning(0, len(value), f"{head}: ATT error 0x{code}", {**fields, "error": code})
        if operation in _EMPTY and not value:
            return Meaning(0, 0, head, fields)
        if known is None and characteristic in TEXTS.values() and value:
            name = next(name for name, uuid in TEXTS.items() if uuid == characteristic)
            text = value.decode(errors="replace")
            return Meaning(0, len(value), f"{head} ({name}): {text}", {**fields, name: text})
        if known is None:
            return Meaning(0, len(value), f"{head}: {value.hex(' ') or 'nothing'}", fields)
        try:
            numbers = known.decode(value)
        except ValueError as error:
            return replace(not_understood(0, value, len(value), f"{head}: {error}"), fields=fields)
        values = {name: number for name, number in numbers.items() if number is not None}
        unknown = "".join(f", {name} not known" for name in numbers if name not in values)
        text = f"{operation} of {fields['characteristic']}: {told(values.items(), self._units)}{unknown}"
        return Meaning(0, len(value), text.replace(": , ", ": "), fields, values)
