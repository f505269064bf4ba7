"""Cayenne LPP: payloads that say by themselves what they hold, one record after the other.

An uplink's record is channel, type and data (high byte first); a downlink holds channels with a signed
number of hundredths each and ends with 0xFF. Sources: myDevices' Cayenne LPP documentation 2.0 (types 0
to 136 and the command format), ElectronicCats' CayenneLPP (the extended types, which are IPSO's numbers).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_END = 0xFF
_STEP = 0.01  # of a number in a downlink


@dataclass(frozen=True)
class LppNumber:
    """One number of a type: its bytes, its sign, what a raw 1 is, in which unit (empty: any)."""

    size: int
    signed: bool
    scale: float
    unit: str = ""

    @property
    def bounds(self) -> tuple[int, int]:
        """The lowest and the highest raw number."""
        low = -(1 << 8 * self.size - 1) if self.signed else 0
        return low, low + (1 << 8 * self.size) - 1


@dataclass(frozen=True)
class LppType:
    """A type: its number on the wire, and its numbers by name; a type of one number names it ""."""

    code: int
    numbers: dict[str, LppNumber]

    @property
    def size(self) -> int:
        """Bytes of its data."""
        return sum(number.size for number in self.numbers.values())


def _one(code: int, size: int, signed: bool, scale: float, unit: str = "") -> LppType:
    return LppType(code, {"": LppNumber(size, signed, scale, unit)})


def _xyz(code: int, scale: float, unit: str) -> LppType:
    return LppType(code, {axis: LppNumber(2, True, scale, unit) for axis in "xyz"})


LPP_TYPES = {
    "digital_input": _one(0, 1, False, 1),
    "digital_output": _one(1, 1, False, 1),
    "analog_input": _one(2, 2, True, 0.01),
    "analog_output": _one(3, 2, True, 0.01),
    "generic": _one(100, 4, False, 1),
    "illuminance": _one(101, 2, False, 1, "lux"),
    "presence": _one(102, 1, False, 1),
    "temperature": _one(103, 2, True, 0.1, "degC"),
    "humidity": _one(104, 1, False, 0.5, "%"),
    "accelerometer": _xyz(113, 0.001, "standard_gravity"),
    "barometer": _one(115, 2, False, 0.1, "hPa"),
    "voltage": _one(116, 2, False, 0.01, "V"),
    "current": _one(117, 2, False, 0.001, "A"),
    "frequency": _one(118, 4, False, 1, "Hz"),
    "percentage": _one(120, 1, False, 1, "%"),
    "altitude": _one(121, 2, True, 1, "m"),
    "concentration": _one(125, 2, False, 1, "ppm"),
    "power": _one(128, 2, False, 1, "W"),
    "distance": _one(130, 4, False, 0.001, "m"),
    "energy": _one(131, 4, False, 0.001, "kWh"),
    "direction": _one(132, 2, False, 1, "degree"),
    "gyrometer": _xyz(134, 0.01, "degree/s"),
    "gps": LppType(136, {
        "latitude": LppNumber(3, True, 0.0001, "degree"),
        "longitude": LppNumber(3, True, 0.0001, "degree"),
        "altitude": LppNumber(3, True, 0.01, "m"),
    }),
    "switch": _one(142, 1, False, 1),
}  # fmt: skip
"""The types by the names that profiles use."""

_BY_CODE = {kind.code: kind for kind in LPP_TYPES.values()}


@dataclass(frozen=True)
class LppField:
    """A signal's number in a record: value in the signal's unit = raw number x `scale` + `shift`."""

    signal: str
    channel: int
    type: LppType
    number: str
    scale: float
    shift: float = 0.0

    def raw(self, value: float) -> int:
        """Return what is sent for `value`; raises ValueError naming the signal when it does not fit."""
        exact = (value - self.shift) / self.scale
        low, high = self.type.numbers[self.number].bounds
        if not low - 0.5 <= exact <= high + 0.5 or not low <= (raw := round(exact)) <= high:
            raise ValueError(f"{self.signal}: {value} does not fit its Cayenne LPP type")
        return raw

    def saturate(self, value: float) -> float:
        """Return the nearest value that it can hold, as a sensor at the end of its range does."""
        low, high = self.type.numbers[self.number].bounds
        return min(max(value, low * self.scale + self.shift), high * self.scale + self.shift)


@dataclass(frozen=True)
class LppLayout:
    """The records of an fPort's uplinks that the profile names, in its order."""

    f_port: int
    fields: tuple[LppField, ...]

    @property
    def size(self) -> int:
        """Bytes of a payload with all of them."""
        return sum(2 + kind.size for _, kind in self._records())

    def encode(self, values: Mapping[str, float]) -> bytes:
        """Return a payload with all records (numbers that no signal has are 0); raises ValueError."""
        held = {(field.channel, field.type.code, field.number): field for field in self.fields}
        payload = bytearray()
        for channel, kind in self._records():
            payload += bytes((channel, kind.code))
            for name, number in kind.numbers.items():
                field = held.get((channel, kind.code, name))
                raw = 0 if field is None else field.raw(values[field.signal])
                payload += raw.to_bytes(number.size, signed=number.signed)
        return bytes(payload)

    def decode(self, payload: bytes) -> dict[str, float]:
        """Return the values of the records that are there; those that no signal is in are passed over.

        Raises ValueError when a record is cut or of a type whose length nobody knows.
        """
        found = dict(_records_in(self.f_port, payload))
        values: dict[str, float] = {}
        for field in self.fields:
            raw = found.get((field.channel, field.type.code, field.number))
            if raw is not None:
                values[field.signal] = raw * field.scale + field.shift
        return values

    def _records(self) -> list[tuple[int, LppType]]:
        records = {(field.channel, field.type.code): field.type for field in self.fields}
        return [(channel, kind) for (channel, _), kind in records.items()]


def _records_in(port: int, payload: bytes) -> Iterator[tuple[tuple[int, int, str], int]]:
    """Yield ((channel, type, number), raw) of an uplink."""
    at = 0
    while at < len(payload):
        kind = _BY_CODE.get(payload[at + 1]) if at + 1 < len(payload) else None
        if kind is None or at + 2 + kind.size > len(payload):
            expected = "a known type" if kind is None else f"{kind.size} bytes of data"
            raise ValueError(
                f"fPort {port}: byte {at}: expected a Cayenne LPP record with {expected}, "
                f"got {payload[at:].hex(' ')}"
            )
        channel, at = payload[at], at + 2
        for name, number in kind.numbers.items():
            raw = int.from_bytes(payload[at : at + number.size], signed=number.signed)
            yield (channel, kind.code, name), raw
            at += number.size


@dataclass(frozen=True)
class LppCommand:
    """One channel's number in a downlink: hundredths times `scale`, in the signal's unit."""

    f_port: int
    signal: str
    channel: int
    scale: float = 1.0

    @property
    def fields(self) -> tuple[LppCommand]:
        """Itself."""
        return (self,)

    @property
    def size(self) -> int:
        """Bytes of the payload: channel, number, end."""
        return 4

    def encode(self, values: Mapping[str, float]) -> bytes:
        """Return the payload of a command; raises ValueError naming the signal when it does not fit."""
        exact = values[self.signal] / self.scale / _STEP
        if not -0x8000 <= exact < 0x8000:
            most = 0x7FFF * _STEP * self.scale
            raise ValueError(f"{self.signal}: {values[self.signal]} does not fit, at most {most:g} does")
        return bytes((self.channel, *round(exact).to_bytes(2, signed=True), _END))

    def decode(self, payload: bytes) -> dict[str, float]:
        """Return the channel's value in a payload of any channels; raises ValueError when it is not there."""
        at = 0
        while at + 2 < len(payload) and payload[at] != _END:
            if payload[at] == self.channel:
                raw = int.from_bytes(payload[at + 1 : at + 3], signed=True)
                return {self.signal: raw * _STEP * self.scale}
            at += 3
        raise ValueError(f"fPort {self.f_port}: expected channel {self.channel}, got {payload.hex(' ')}")

    def saturate(self, value: float) -> float:
        """Return the nearest value that can be sent."""
        step = _STEP * self.scale
        return min(max(value, -0x8000 * step), 0x7FFF * step)
