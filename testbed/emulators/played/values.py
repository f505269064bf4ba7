"""What a recorded or a live request commands, as a number: which signal, which value."""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from collections.abc import Callable

from testbed.bench.device import Device
from testbed.errors import DamagedInput
from testbed.links.played import Asked

Commanded = tuple[str, float]
"""The signal's name and the value in its unit."""

Reader = Callable[[Asked], Commanded | None]
"""Returns what a request commands, None when it is no command or cannot be read."""


def values_of(device: Device) -> Reader:
    """Return what reads the commands of a device; of a protocol that is not ours it reads none."""
    make = _READERS.get(device.profile.protocol)
    if make is None:
        return lambda asked: None
    read = make(device)

    def careful(asked: Asked) -> Commanded | None:
        try:
            return read(asked)
        except (ValueError, LookupError, TypeError, struct.error, DamagedInput):
            return None  # whatever it is, it is no command of the profile

    return careful


def _modbus(device: Device) -> Reader:
    from testbed.protocols.modbus import Table, layout_of
    from testbed.protocols.modbus.blocks import make_block
    from testbed.protocols.modbus.pdu import (
        Function,
        Refusal,
        parse_write_coil,
        parse_write_register,
        parse_write_registers,
    )

    layout = layout_of(device.profile)
    held, fields = {}, {}
    for name in layout.writable:
        place = layout.addresses[name]
        block = make_block([place], place.number, place.count, place.table, layout.settings)
        held[place.table, place.number] = fields[place.number, layout.field(name)] = (name, block)

    def read(asked: Asked) -> Commanded | None:
        try:
            return written(asked.content[1:])
        except Refusal as error:
            raise ValueError(str(error)) from error

    def written(pdu: bytes) -> Commanded | None:
        if pdu[0] == Function.WRITE_SINGLE_COIL:
            address, on = parse_write_coil(pdu)
            return held[Table.COIL, address][0], float(on)
        if pdu[0] == Function.WRITE_SINGLE_REGISTER:
            address, data = parse_write_register(pdu)
        elif pdu[0] == Function.WRITE_MULTIPLE_REGISTERS:
            address, data = parse_write_registers(pdu)
        elif pdu[0] == Function.READ_WRITE_MULTIPLE_REGISTERS:
            address, data = int.from_bytes(pdu[5:7], "big"), pdu[10:]
        elif pdu[0] == Function.MASK_WRITE_REGISTER:
            address, keep = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
            name, block = fields[address, 0xFFFF & ~keep]
            return name, block.unpack(pdu[5:7])[0]
        else:
            return None
        name, block = held[Table.HOLDING, address]
        return name, block.unpack(data)[0]

    return read


def _scpi(device: Device) -> Reader:
    from testbed.protocols.scpi import SetTemplate, check_scpi, parse_parameter, parse_unit

    templates = {
        name: SetTemplate.of(address.set_)
        for name, address in check_scpi(device.profile).items()
        if address.set_
    }

    def read(asked: Asked) -> Commanded | None:
        unit = parse_unit(asked.content.decode("ascii"))
        for name, template in templates.items():
            if template.matches(unit):
                return name, parse_parameter(unit.parameters[-1])
        return None

    return read


def _cobs(device: Device) -> Reader:
    from testbed.protocols.cobs import CobsProfile

    layouts = {layout.kind: layout for layout in CobsProfile.of(device.profile).commands}

    def read(asked: Asked) -> Commanded | None:
        layout = layouts[asked.content[0]]
        return layout.signal, layout.layout.unpack(asked.content[1:])[0] * layout.scale

    return read


def _ble(device: Device) -> Reader:
    from testbed.links.gatt_frames import AttOpcode, decode_frame
    from testbed.protocols.gatt import characteristics

    written = {
        each.uuid: (name, field)
        for each in characteristics(device.profile)
        for name, field in each.fields.items()
        if device.signals[name].writable
    }

    def read(asked: Asked) -> Commanded | None:
        frame = decode_frame(asked.content)
        if frame.opcode not in (AttOpcode.WRITE_REQUEST, AttOpcode.WRITE_COMMAND):
            return None
        name, field = written[frame.characteristic]
        value = field.unpack(frame.value)
        return None if value is None else (name, value)

    return read


def _lorawan(device: Device) -> Reader:
    from testbed.protocols.lorawan.plan import read_plan

    plan = read_plan(device.profile)

    def read(asked: Asked) -> Commanded | None:
        downlink = json.loads(asked.content.partition(b" ")[2])
        if "downlinks" in downlink:
            (downlink,) = downlink["downlinks"]
        port = downlink.get("fPort") or downlink["f_port"]
        data = b64decode(downlink["data"] if "data" in downlink else downlink["frm_payload"])
        return next(iter(plan.commanded(port, data).items()))

    return read


_READERS: dict[str, Callable[[Device], Reader]] = {
    "modbus": _modbus,
    "scpi": _scpi,
    "cobs": _cobs,
    "ble": _ble,
    "lorawan": _lorawan,
}
