"""A whole profile as registers: every signal's place, checked against the others."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.bench.problems import BenchFileError
from testbed.bench.profile import Profile
from testbed.signals import Access

from .registers import RegisterAddress
from .settings import ModbusSettings


@dataclass(frozen=True)
class Layout:
    """Where the signals of a profile stand, by name, and which of them may be written."""

    settings: ModbusSettings
    addresses: dict[str, RegisterAddress]
    writable: frozenset[str]

    def field(self, name: str) -> int:
        """Return which bits of its register are a signal's, as the register stands on the wire."""
        address = self.addresses[name]
        return as_sent(address.mask << address.shift, self.settings) if address.mask else 0xFFFF


def as_sent(register: int, settings: ModbusSettings) -> int:
    """Return a register's 16 bits in the order in which the device sends its bytes, and back."""
    return register if settings.byte_order == "big" else register >> 8 | (register & 0xFF) << 8


def layout_of(profile: Profile) -> Layout:
    """Return the registers of a profile; raises BenchFileError naming the line of what cannot be."""
    settings = profile.settings(ModbusSettings)
    addresses = profile.addresses(RegisterAddress)
    writable = frozenset(name for name, spec in profile.signals.items() if spec.access is Access.WRITE)
    for name in profile.signals:
        table = addresses[name].table
        if name in writable and not table.is_writable:
            raise profile.problem(name, f"{name}: {table} cannot be written", "use holding or coil")
        if addresses[name].confirm and name not in writable:
            raise profile.problem(name, f"{name}: confirm is for signals that are written", "leave it away")
    _refuse_overlaps(profile, addresses, writable)
    _refuse_texts_in_the_way(profile, addresses, settings)
    return Layout(settings, addresses, writable)


def _refuse_overlaps(
    profile: Profile, addresses: dict[str, RegisterAddress], writable: frozenset[str]
) -> None:
    """Only a signal that is told and one that reads it back may share a place, and mean the same by it."""
    holders: dict[tuple[str, int, int, bool], str] = {}
    for name, address in addresses.items():
        told = name in writable
        for number, bit in _bits_of(address):
            twin = holders.setdefault((address.table, number, bit, told), name)
            other = holders.get((address.table, number, bit, not told), name)
            if twin != name or address.place != addresses[other].place:
                clash = twin if twin != name else other
                raise profile.problem(
                    name,
                    f"{name} and {clash} both stand in {address.table} {number}",
                    "only a written signal and its readback may, with the same address, type and scale",
                )


def _refuse_texts_in_the_way(
    profile: Profile, addresses: dict[str, RegisterAddress], settings: ModbusSettings
) -> None:
    """No signal and no other text may stand where a text does."""
    taken: dict[tuple[str, int], str] = {}
    for name, text in settings.texts.items():
        for number in range(text.number, text.number + text.registers):
            other = taken.setdefault((text.table, number), name)
            if other != name:
                clash = f"the texts {other} and {name} both stand in {text.table} {number}"
                problem = profile.document.problem(("texts", name), clash, "move one of them", key=True)
                raise BenchFileError([problem])
    for name, address in addresses.items():
        for number in range(address.number, address.number + address.count):
            if (address.table, number) in taken:
                clash = f"{name} and the text {taken[address.table, number]} both stand in"
                raise profile.problem(name, f"{clash} {address.table} {number}", "move one of them")


def _bits_of(address: RegisterAddress) -> list[tuple[int, int]]:
    """Return each bit that a signal takes, by the number of its register; coils have only bit 0."""
    if address.table.is_bits:
        return [(address.number, 0)]
    numbers = range(address.number, address.number + address.count)
    bits = [bit for bit in range(16) if not address.mask or address.mask << address.shift >> bit & 1]
    return [(number, bit) for number in numbers for bit in bits]
