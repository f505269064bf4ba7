"""The tables of a node's firmware, as a C header made from its node file and its profile.

Driver and firmware read the same profile, so they cannot drift apart; what the firmware cannot do is
an error here, with the line in the profile. The shapes are those of firmware_stubs/core/tables.h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from testbed.bench import BenchFileError, units
from testbed.bench.profile import SignalSpec
from testbed.errors import UsageError
from testbed.protocols.cobs import CobsProfile
from testbed.protocols.modbus import layout_of
from testbed.protocols.modbus.registers import RegisterAddress
from testbed.protocols.numbers import NumberType
from testbed.protocols.scpi import ScpiSettings, check_scpi
from testbed.protocols.scpi.address import SetTemplate, parse_query
from testbed.signals import Access

from .node import InputSpec, Node

_CRC_BITS = 16
_WIDEST = 4  # bytes: the firmware computes in single precision
_FLOAT_MAX = 3.4028235e38


def make_header(node: Node) -> str:
    """Return profile.h for a node; raises BenchFileError naming what the firmware cannot do."""
    protocol = node.profile.protocol
    tables = _PROTOCOLS.get(protocol)
    if tables is None:
        raise _refusal(node, f"this firmware speaks {', '.join(_PROTOCOLS)}, not {protocol}")
    lines = [
        f"/* {node.name}: made from its node file and {node.profile.name} by `testbed firmware header`. */",
        "#ifndef PROFILE_H",
        "#define PROFILE_H",
        "",
        "#include <float.h>",
        "",
        '#include "tables.h"',
        "",
        f"#define PROFILE_NAME {_text(node.profile.name)}",
        f"#define WATCHDOG_US {round(node.watchdog * 1e6)}U",
        f'#define WATCHDOG_TEXT "{node.watchdog:g} s"',
        "",
        *_signals(node),
        *_pins(node),
        *tables(node),
        "#endif",
    ]
    return "\n".join(lines) + "\n"


# Signals and pins -------------------------------------------------------------------------------


def _signals(node: Node) -> list[str]:
    names = list(node.profile.signals)
    entries = [f"[{_id(name)}] = {_limits(node.profile.signals[name])}" for name in names]
    return [
        f"enum {{ {', '.join([_id(name) for name in names] + ['SIGNAL_COUNT'])} }};",
        "",
        *_table("signal", "SIGNALS", entries),
    ]


def _limits(signal: SignalSpec) -> str:
    writable = signal.access is Access.WRITE
    low, high = signal.limits or (-_FLOAT_MAX, _FLOAT_MAX)
    values = [units.convert(each, signal.unit) for each in (low, high, signal.safe or 0.0)]
    return f"{{{', '.join(map(_float, values))}, {_bool(writable)}}}"


def _pins(node: Node) -> list[str]:
    aliases = _aliases(node)
    for name, signal in node.profile.signals.items():
        if signal.access is not Access.WRITE and name not in node.inputs and name not in aliases:
            raise _refusal(node, f"nothing in the node file gives {name}", f"add inputs: {name}: ...")
    inputs = [_input(name, spec) for name, spec in node.inputs.items()]
    outputs = [
        f"{{{_id(name)}, {spec.pwm}, {_float(spec.range[0])}, {_float(spec.range[1])}}}"
        for name, spec in node.outputs.items()
    ]
    return [*_table("input", "INPUTS", inputs), *_table("output", "OUTPUTS", outputs)]


def _input(name: str, spec: InputSpec) -> str:
    if spec.status is not None:
        kind, numbers = f"INPUT_{spec.status.upper()}", (0.0, 0.0, 0.0)
    elif spec.thermistor is not None:
        sensor = spec.thermistor
        kind, numbers = "INPUT_THERMISTOR", (sensor.resistance, sensor.beta, sensor.pull_up)
    else:
        low, high = spec.range or (0.0, 1.0)
        kind, numbers = "INPUT_LINEAR", (low, high, 0.0)
    return f"{{{_id(name)}, {kind}, {spec.adc or 0}, {', '.join(map(_float, numbers))}}}"


def _aliases(node: Node) -> set[str]:
    """Return the Modbus signals that only read back what was written in the same place."""
    if node.profile.protocol != "modbus":
        return set()
    layout = layout_of(node.profile)
    told = [layout.addresses[name] for name in layout.writable]
    return {name for name, place in layout.addresses.items() if name not in layout.writable and place in told}


# Protocols --------------------------------------------------------------------------------------


def _cobs(node: Node) -> list[str]:
    profile = CobsProfile.of(node.profile)
    crc = profile.crc
    if crc.width != _CRC_BITS:
        raise UsageError(f"{node.profile.name}: the nodes of firmware_stubs speak CRC-16, not {crc.name}")
    fields: list[str] = []
    telemetry: list[str] = []
    for layout in profile.telemetry:
        telemetry.append(
            f"{{0x{layout.kind:02X}, {layout.layout.size}, {len(fields)}, {len(layout.fields)}, "
            f"{max(1, round(layout.period_ns / 1000))}U}}"
        )
        for name, kind, scale in layout.fields:
            offset = int(node.profile.signals[name].address.get("offset", 0))
            fields.append(f"{{{_id(name)}, {_type(node, name, kind)}, {offset}, {_float(scale)}}}")
    commands = [
        f"{{0x{each.kind:02X}, {_id(each.signal)}, {_type(node, each.signal, each.type)}, "
        f"{_float(each.scale)}}}"
        for each in profile.commands
    ]
    polynomial = int(f"{crc.poly:016b}"[::-1], 2) if crc.refin else crc.poly
    largest = max(1, *(layout.layout.size for layout in profile.telemetry))
    return [
        f"#define COBS_CRC_INIT 0x{crc.init:04X}U",
        f"#define COBS_CRC_POLYNOMIAL 0x{polynomial:04X}U",
        f"#define COBS_CRC_REFLECTED {int(crc.refin)}",
        f"#define COBS_LARGEST {largest}U",
        "",
        *_table("field", "FIELDS", fields),
        *_table("telemetry", "TELEMETRY", telemetry),
        *_table("command", "COMMANDS", commands),
    ]


def _scpi(node: Node) -> list[str]:
    identity = node.profile.settings(ScpiSettings).identity or f"TESTBED,{node.profile.name},0,0"
    headers: list[str] = []
    for name, address in check_scpi(node.profile).items():
        if address.query is not None:
            pattern, fixed = parse_query(address.query)
        else:
            template = SetTemplate.of(address.set_ or "")
            pattern, fixed = template.pattern, template.fixed
        if fixed:
            raise node.profile.problem(name, f"{name}: this firmware knows no parameters but the value")
        headers.append(f"{{{_text(pattern.text)}, {_id(name)}, {_bool(address.query is not None)}}}")
    return [f"#define SCPI_IDENTITY {_text(identity)}", "", *_table("header", "HEADERS", headers)]


def _modbus(node: Node) -> list[str]:
    layout = layout_of(node.profile)
    aliases = _aliases(node)
    places = [
        _place(node, name, address) for name, address in layout.addresses.items() if name not in aliases
    ]
    numbers = [
        number
        for address in layout.addresses.values()
        for number in (address.number, address.number + address.count)
    ]
    # A reply may hold every register there is, and no more than a read may ask for.
    most = min(125, max(numbers) - min(numbers))
    return [
        f"#define MODBUS_UNIT {node.unit}U",
        f"#define MODBUS_WORDS_LITTLE {_bool(layout.settings.word_order == 'little')}",
        f"#define MODBUS_BYTES_LITTLE {_bool(layout.settings.byte_order == 'little')}",
        f"#define MODBUS_HOLES_READABLE {_bool(layout.settings.max_gap > 0)}",
        f"#define MODBUS_LARGEST_REPLY {max(8, 5 + 2 * most)}U",
        "",
        *_table("place", "PLACES", places),
    ]


def _place(node: Node, name: str, address: RegisterAddress) -> str:
    if address.table.is_bits or address.type is None:
        lacks = "bits of registers" if address.mask else address.table
        raise node.profile.problem(
            name, f"{name}: this firmware has no {lacks}", "use whole input or holding registers"
        )
    holding = _bool(address.table.is_writable)
    kind = _type(node, name, address.type)
    return f"{{{holding}, {address.number}, {_id(name)}, {kind}, {_float(address.scale)}}}"


_PROTOCOLS: dict[str, Callable[[Node], list[str]]] = {"cobs": _cobs, "scpi": _scpi, "modbus": _modbus}


# C ----------------------------------------------------------------------------------------------


def _table(struct: str, name: str, entries: Iterable[str]) -> list[str]:
    rows = list(entries)
    count = f"{name.removesuffix('S')}_COUNT"
    counted = [] if name == "SIGNALS" else [f"enum {{ {count} = {len(rows)} }};"]
    # C knows no empty arrays; nothing reads the filler, its count is 0.
    body = [f"    {row}," for row in rows] or ["    {0},"]
    return [*counted, f"static const struct {struct} {name}[] = {{", *body, "};", ""]


def _type(node: Node, name: str, kind: NumberType) -> str:
    if kind.size > _WIDEST:
        raise node.profile.problem(
            name, f"{name}: this firmware has no {kind.value}", "use a type of at most 32 bits"
        )
    return f"NUMBER_{kind.value.upper()}"


def _id(name: str) -> str:
    return f"SIGNAL_{name.upper()}"


def _float(value: float) -> str:
    if abs(value) >= _FLOAT_MAX:
        return "-FLT_MAX" if value < 0 else "FLT_MAX"
    text = f"{value:.9g}"
    return f"{text}F" if "." in text or "e" in text else f"{text}.0F"


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _refusal(node: Node, message: str, hint: str = "") -> BenchFileError:
    return BenchFileError([node.document.problem((), message, hint)])
