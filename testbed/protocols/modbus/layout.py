"""A whole profile as registers: every signal's place, checked against the others."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.bench.profile import Profile
from testbed.signals import Access

from .registers import ModbusSettings, RegisterAddress


@dataclass(frozen=True)
class Layout:
    """Where the signals of a profile stand, by name, and which of them may be written."""

    settings: ModbusSettings
    addresses: dict[str, RegisterAddress]
    writable: frozenset[str]


def layout_of(profile: Profile) -> Layout:
    """Return the registers of a profile; raises BenchFileError naming the line of what cannot be."""
    settings = profile.settings(ModbusSettings)
    addresses = profile.addresses(RegisterAddress)
    writable = frozenset(name for name, spec in profile.signals.items() if spec.access is Access.WRITE)
    for name in profile.signals:
        table = addresses[name].table
        if name in writable and not table.is_writable:
            raise profile.problem(name, f"{name}: {table} cannot be written", "use holding or coil")
    _refuse_overlaps(profile, addresses, writable)
    return Layout(settings, addresses, writable)


def _refuse_overlaps(
    profile: Profile, addresses: dict[str, RegisterAddress], writable: frozenset[str]
) -> None:
    """Only a signal that is told and one that reads it back may share a place, and mean the same by it."""
    holders: dict[tuple[str, int, bool], str] = {}
    for name, address in addresses.items():
        told = name in writable
        for number in range(address.number, address.number + address.count):
            twin = holders.setdefault((address.table, number, told), name)
            other = holders.get((address.table, number, not told), name)
            if twin != name or address != addresses[other]:
                clash = twin if twin != name else other
                raise profile.problem(
                    name,
                    f"{name} and {clash} both stand in {address.table} {number}",
                    "only a written signal and its readback may, with the same address, type and scale",
                )
