"""What a device answers, on a line and on TCP: honestly, until it is broken on purpose."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from testbed import __version__
from testbed.bench.faults import MODBUS
from testbed.bench.profile import Quantity
from testbed.emulators.base import EmulatedDevice
from testbed.errors import UsageError
from testbed.links import ByteLink, LinkLost
from testbed.protocols.modbus import FRAMINGS, Bank, Server, layout_of, modbus_wire, rtu, tcp
from testbed.protocols.modbus.pdu import READ_TABLES, Function, exception_response
from testbed.protocols.modbus.rare import RareFunctions

_UNITS = 247
_COUNTED = (*READ_TABLES, Function.READ_WRITE_MULTIPLE_REGISTERS)  # answers with a byte count and data


def make_server(each: EmulatedDevice) -> Server:
    """Return the device's side of the protocol over its store."""
    profile, store = each.device.profile, each.store
    bank = Bank(layout_of(profile), store.read_all, store.command)
    rare = RareFunctions(bank, "hil-testbed", profile.name, __version__, profile.title)
    return Server(bank, rare.answer)


class Answers:
    """The answers of one unit; faults of the catalogue (testbed/bench/faults.py: MODBUS) spoil them."""

    def __init__(self, each: EmulatedDevice, chance: random.Random) -> None:
        wire = each.device.wire
        self.unit = modbus_wire(wire).unit
        self._name = each.device.name
        self._framing = FRAMINGS.get(wire.scheme)
        self._server = make_server(each)
        self._chance = chance
        self._broken: dict[str, Mapping[str, Quantity]] = {}

    async def break_(self, fault: str, parameters: Mapping[str, Quantity]) -> None:
        """Begin a fault; raises UsageError for one that cannot be on this wire."""
        if fault not in MODBUS:
            raise UsageError(f"{self._name} cannot have the fault {fault!r}")
        if fault == "wrong-checksum" and self._framing is None:
            raise UsageError(f"{self._name}: Modbus/TCP has no checksum that could be wrong")
        self._broken[fault] = parameters

    async def mend(self, fault: str) -> None:
        """End a fault."""
        self._broken.pop(fault, None)

    def frame(self, number: int, unit: int, pdu: bytes) -> bytes:
        """Return the answer on TCP to the request with the transaction id `number`."""
        answer = self._server.answer(pdu)
        if self._broken:
            unit, answer = self._spoiled(unit, answer)
        return tcp.encode_frame(number, unit, answer)

    def on_line(self, write: Callable[[bytes], None]) -> Callable[[int, bytes], None]:
        """Return what takes the bytes of a line and answers those requests in them that are for this unit."""
        framing = self._framing
        assert framing is not None  # noqa: S101  (only wires with one are lines)
        reader = framing.server(self.unit)

        def received(time_ns: int, data: bytes) -> None:
            for addressed, pdu in reader.feed(time_ns, data):
                answer = self._server.answer(pdu)
                if addressed == rtu.BROADCAST:  # what all are told, nobody answers
                    continue
                unit, answer = self._spoiled(self.unit, answer)
                frame = framing.encode(unit, answer)
                write(framing.damaged(frame) if self._hits("wrong-checksum") else frame)

        return received

    def _spoiled(self, unit: int, answer: bytes) -> tuple[int, bytes]:
        if self._hits("exception"):
            answer = exception_response(answer[0], int(float(self._broken["exception"]["code"])) & 0xFF)
        if self._hits("wrong-length"):
            answer = _shorter(answer)
        if self._hits("wrong-unit"):
            unit = unit % _UNITS + 1
        return unit, answer

    def _hits(self, fault: str) -> bool:
        told = self._broken.get(fault)
        return told is not None and self._chance.random() < float(told["share"])


def _shorter(answer: bytes) -> bytes:
    """Return a sound answer to another request: a register less, one more where there was but one."""
    if answer[0] not in _COUNTED:
        return answer[:-1]
    data = answer[2:-2] if len(answer) > 4 else answer[2:] + b"\0\0"
    return bytes((answer[0], len(data))) + data


def write_to(link: ByteLink, data: bytes) -> None:
    """Send to a controller, if it is still there."""
    try:
        link.write(data)
    except LinkLost:
        return  # that it went away or does not read is no fault of the device; `lost` has heard of it


def query_of(options: Mapping[str, str]) -> str:
    """Return the options of a declared wire, so that the driver behaves as it would at the real one."""
    return "?" + urlencode({"unit": "1", **options})
