"""What Modbus protocol data units say, with registers named by their signals."""

from __future__ import annotations

import struct

from testbed.bench.profile import Profile
from testbed.protocols.meaning import Fields, told

from .blocks import make_block
from .layout import Layout, layout_of
from .pdu import EXCEPTION_BIT, READ_TABLES, Function, exception_name
from .registers import Table

_SPAN = struct.Struct(">HH")

_WRITES = {
    Function.WRITE_SINGLE_COIL: Table.COIL,
    Function.WRITE_SINGLE_REGISTER: Table.HOLDING,
    Function.WRITE_MULTIPLE_COILS: Table.COIL,
    Function.WRITE_MULTIPLE_REGISTERS: Table.HOLDING,
    Function.MASK_WRITE_REGISTER: Table.HOLDING,
    Function.READ_WRITE_MULTIPLE_REGISTERS: Table.HOLDING,
}
_PLACES = {
    Table.COIL: "coil",
    Table.DISCRETE: "discrete input",
    Table.HOLDING: "holding register",
    Table.INPUT: "input register",
}

_Told = tuple[str, dict[str, float]]


class Pdus:
    """Says what protocol data units mean."""

    def __init__(self, profile: Profile | None = None) -> None:
        self._layout: Layout | None = layout_of(profile) if profile else None
        self._units = {name: spec.unit for name, spec in profile.signals.items()} if profile else {}

    def request(self, pdu: bytes) -> _Told:
        """Return the meaning of a request, and the values that it sets."""
        function = pdu[0]
        if function in READ_TABLES and len(pdu) == 5:
            table = READ_TABLES[Function(function)]
            first, count = _SPAN.unpack_from(pdu, 1)
            names = self._names(table, first, count)
            asked = f" ({', '.join(names)})" if names else ""
            return f"read {_places(table, first, count)}{asked}", {}
        if function in _WRITES and len(pdu) >= 5:
            table = _WRITES[Function(function)]
            first, count, data = _written(pdu)
            values = self._values(table, first, count, data)
            if function == Function.MASK_WRITE_REGISTER:
                values = self._masked(values, pdu)
            what = told(values.items(), self._units) or data.hex(" ")
            back = ", read back" if function == Function.READ_WRITE_MULTIPLE_REGISTERS else ""
            return f"write {what} to {_places(table, first, count)}{back}", values
        return f"{_function(function)}, {len(pdu)} bytes", {}

    def response(self, request: bytes | None, pdu: bytes) -> _Told:
        """Return the meaning of a response to `request` (None: not in sight), and the values in it."""
        function = pdu[0]
        if function & EXCEPTION_BIT:
            asked = _function(function & ~EXCEPTION_BIT)
            code = exception_name(pdu[1]) if len(pdu) > 1 else "for no reason"
            return f"{asked} refused: {code}", {}
        if request is None or request[0] != function:
            return f"response to {_function(function)}, {len(pdu)} bytes, whose request is not in sight", {}
        if function in READ_TABLES and len(request) == 5:
            table = READ_TABLES[Function(function)]
            first, count = _SPAN.unpack_from(request, 1)
            values = self._values(table, first, count, pdu[2:])
            what = told(values.items(), self._units) or pdu[2:].hex(" ")
            return f"{what} from {_places(table, first, count)}", values
        if function == Function.READ_WRITE_MULTIPLE_REGISTERS and len(request) >= 5:
            first, count = _SPAN.unpack_from(request, 1)
            values = self._values(Table.HOLDING, first, count, pdu[2:])
            what = told(values.items(), self._units) or pdu[2:].hex(" ")
            return f"{what} held by {_places(Table.HOLDING, first, count)}", values
        if function in _WRITES and len(request) >= 5 and len(pdu) >= 5:
            table = _WRITES[Function(function)]
            first, count, data = _written(request)
            names = self._names(table, first, count)
            if function == Function.MASK_WRITE_REGISTER:
                names = list(self._masked(self._values(table, first, count, data), request))
            asked = f" ({', '.join(names)})" if names else ""
            return f"{_places(table, first, count)} written{asked}", {}
        return f"response to {_function(function)}, {len(pdu)} bytes", {}

    def _names(self, table: Table, first: int, count: int) -> list[str]:
        """Return the signals that stand whole in a run of addresses."""
        if self._layout is None:
            return []
        return [
            name
            for name, place in self._layout.addresses.items()
            if place.table == table and first <= place.number and place.number + place.count <= first + count
        ]

    def _values(self, table: Table, first: int, count: int, data: bytes) -> dict[str, float]:
        size = (count + 7) // 8 if table.is_bits else 2 * count
        if self._layout is None or len(data) != size:
            return {}
        values = {}
        for name in self._names(table, first, count):
            place = self._layout.addresses[name]
            block = make_block([place], first, count, table, self._layout.settings)
            values[name] = block.unpack(data)[0]
        return values

    def _masked(self, values: dict[str, float], pdu: bytes) -> dict[str, float]:
        """Return only those values whose bits a mask write sets."""
        changed = 0xFFFF & ~int.from_bytes(pdu[3:5], "big")
        return {
            name: value
            for name, value in values.items()
            if self._layout is not None and self._layout.field(name) & ~changed == 0
        }


def fields_of(pdu: bytes) -> Fields:
    """Return the fields that every unit has."""
    fields: Fields = {"function": pdu[0] & ~EXCEPTION_BIT}
    if pdu[0] & EXCEPTION_BIT:
        return {**fields, "exception": pdu[1]} if len(pdu) > 1 else fields
    return fields


def _written(pdu: bytes) -> tuple[int, int, bytes]:
    """Return (first address, count, data) of a request that writes, data as a read would bring them."""
    first = int.from_bytes(pdu[1:3], "big")
    if pdu[0] == Function.WRITE_SINGLE_COIL:
        return first, 1, b"\1" if pdu[3] else b"\0"
    if pdu[0] == Function.WRITE_SINGLE_REGISTER:
        return first, 1, pdu[3:5]
    if pdu[0] == Function.MASK_WRITE_REGISTER:
        return first, 1, pdu[5:7]
    if pdu[0] == Function.READ_WRITE_MULTIPLE_REGISTERS:
        return int.from_bytes(pdu[5:7], "big"), int.from_bytes(pdu[7:9], "big"), pdu[10:]
    return first, int.from_bytes(pdu[3:5], "big"), pdu[6:]


def _places(table: Table, first: int, count: int) -> str:
    name = _PLACES[table]
    return f"{name} {first}" if count == 1 else f"{name}s {first}..{first + count - 1}"


def _function(code: int) -> str:
    known = code in Function.__members__.values()
    return Function(code).name.lower().replace("_", " ") if known else f"function {code}"
