"""Emulated instruments that speak SCPI, each on a pty of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from testbed.clock import Clock, Ticker
from testbed.protocols.scpi import (
    ErrorEntry,
    HeaderPattern,
    Line,
    LineReader,
    MessageError,
    MessageUnit,
    ScpiSettings,
    SetTemplate,
    Status,
    check_scpi,
    encode_block,
    format_number,
    next_path,
    parse_parameter,
    parse_query,
    parse_unit,
    split_outside_quotes,
)
from testbed.signals import Access

from .base import EmulatedDevice, EmulatorContext, Ready
from .serial_port import serve_serial


class ScpiInstrument:
    """One instrument: reads come from its store, settings go to it, errors wait in its queue."""

    def __init__(self, each: EmulatedDevice, write: Callable[[bytes], None]) -> None:
        profile = each.device.profile
        addresses = check_scpi(profile)
        self._identity = profile.settings(ScpiSettings).identity or f"TESTBED,{profile.name},0,0"
        self._signals = each.device.signals
        self._store = each.store
        self._write = write
        self._reader = LineReader()
        self._status = Status()
        self._settings = {
            name: SetTemplate.of(address.set_) for name, address in addresses.items() if address.set_
        }
        self._queries = {
            name: parse_query(address.query) for name, address in addresses.items() if address.query
        }
        self._blocks = {name: address.block for name, address in addresses.items() if address.block}
        self._common = self._common_commands()
        self._registers = {"*ESE": "event_enable", "*SRE": "service_enable"}

    def start(self, clock: Clock) -> list[Ticker]:
        """Do nothing unasked: an instrument speaks when it is spoken to."""
        return []

    def received(self, time_ns: int, data: bytes) -> None:
        """Take what the controller sent; each line with queries is answered by one line."""
        for line in self._reader.feed(data):
            answers = self._message(line)
            if answers:
                self._write(b";".join(answers) + b"\n")

    def _message(self, line: Line) -> list[bytes]:
        """Carry out a program message, unit by unit; an error ends it (IEEE 488.2, 6.4.3)."""
        answers: list[bytes] = []
        if line.defect:
            self._status.error(ErrorEntry.standard(-363, line.defect))
            return answers
        path = ""
        for text in split_outside_quotes(line.text, ";"):
            if not text.strip():
                continue
            try:
                unit = parse_unit(text, path)
                answer = self._unit(unit)
            except MessageError as error:
                self._status.error(ErrorEntry.standard(error.code, str(error)))
                break
            path = next_path(unit, path)
            if answer is not None:
                answers.append(answer)
        return answers

    def _unit(self, unit: MessageUnit) -> bytes | None:
        for pattern, action in self._common:
            if pattern.matches(unit.header):
                if unit.parameters:
                    raise MessageError(-108, unit.header)
                answer = action()
                return None if answer is None else answer.encode()
        if unit.header.upper() in self._registers:
            self._set_register(unit)
            return None
        for name, (pattern, parameters) in self._queries.items():
            if pattern.matches(unit.header) and _same(parameters, unit.parameters):
                return self._said(name)
        for name, template in self._settings.items():
            if template.matches(unit):
                self._set(name, unit.parameters[len(template.fixed) :])
                return None
        raise MessageError(-113, unit.header)

    def _said(self, name: str) -> bytes:
        value, block = self._store.read(name), self._blocks.get(name)
        return format_number(value).encode() if block is None else encode_block(block.bytes_of(value))

    def _set(self, name: str, parameters: tuple[str, ...]) -> None:
        value = _one_number(parameters)
        low, high = self._signals[name].limits or (-math.inf, math.inf)
        if not (math.isfinite(value) and low <= value <= high):
            raise MessageError(-222, f"{parameters[0]} is not within {low:g} to {high:g}")
        self._store.command(name, value)

    def _set_register(self, unit: MessageUnit) -> None:
        value = _one_number(unit.parameters)
        if not 0 <= value <= 255:
            raise MessageError(-222, f"{unit.parameters[0]} is not within 0 to 255")
        setattr(self._status, self._registers[unit.header.upper()], round(value))

    def _common_commands(self) -> list[tuple[HeaderPattern, Callable[[], str | None]]]:
        status = self._status
        table: dict[str, Callable[[], str | None]] = {
            "*IDN?": lambda: self._identity,
            "*RST": self._reset,
            "*CLS": status.clear,
            "*ESR?": lambda: str(status.read_events()),
            "*ESE?": lambda: str(status.event_enable),
            "*SRE?": lambda: str(status.service_enable),
            "*STB?": lambda: str(status.byte),
            "*OPC": status.operation_complete,
            "*OPC?": lambda: "1",
            "*WAI": lambda: None,
            "*TST?": lambda: "0",
            "SYSTem:ERRor?": lambda: status.next_error().answer(),
            "SYSTem:ERRor:NEXT?": lambda: status.next_error().answer(),
            "SYSTem:VERSion?": lambda: "1999.0",
        }
        return [(HeaderPattern.of(header), action) for header, action in table.items()]

    def _reset(self) -> None:
        """Bring every setting to its safe value; errors and events stay (IEEE 488.2, 10.32)."""
        for name, signal in self._signals.items():
            if signal.access is Access.WRITE and signal.safe is not None:
                self._store.command(name, signal.safe)


def _same(wanted: tuple[str, ...], given: tuple[str, ...]) -> bool:
    return tuple(part.upper() for part in wanted) == tuple(part.upper() for part in given)


def _one_number(parameters: tuple[str, ...]) -> float:
    if not parameters:
        raise MessageError(-109, "a number is expected")
    if len(parameters) > 1:
        raise MessageError(-108, parameters[1])
    try:
        return parse_parameter(parameters[0])
    except ValueError as error:
        raise MessageError(-104, str(error)) from None


async def serve(devices: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Answer for all scpi devices until cancelled."""
    await serve_serial(devices, context, ready, ScpiInstrument)
