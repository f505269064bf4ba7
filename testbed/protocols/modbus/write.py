"""Which request writes a signal."""

from __future__ import annotations

from collections.abc import Callable

from .blocks import RegisterBlock
from .layout import Layout
from .pdu import Transaction, mask_write, write_and_read, write_coil, write_register, write_registers


def plan_write(layout: Layout, name: str) -> Callable[[float], Transaction]:
    """Return what makes the request that sets a signal to a value in its unit.

    A coil takes function 5, one register function 6, several function 16, bits of a register 22, and what is
    to be read back 23. The returned function raises ValueError when the value does not fit: a number out
    of the type's range, a coil neither 0 nor 1.
    """
    address = layout.addresses[name]
    number = address.number
    if address.table.is_bits:

        def set_coil(value: float) -> Transaction:
            if value not in (0, 1):
                raise ValueError(f"{name} is a coil: {value:g} must be 0 or 1")
            return write_coil(number, value == 1)

        return set_coil

    pack = RegisterBlock([address], number, address.count, layout.settings).pack_exactly
    if address.mask:
        keep = 0xFFFF & ~layout.field(name)
        return lambda value: mask_write(number, keep, int.from_bytes(pack((value,)), "big"))
    write = write_and_read if address.confirm else write_register if address.count == 1 else write_registers
    return lambda value: write(number, pack((value,)))
