"""Faults of the radio: what distance, a busy air and a tired device do to a Bluetooth connection."""

from __future__ import annotations

import random
from collections.abc import Mapping

from testbed.bench.boards import PlannedFault
from testbed.bench.faults import RADIO, numbers_of
from testbed.bench.profile import Quantity
from testbed.clock import Clock
from testbed.errors import UsageError

from .air import Reception
from .peripheral import Peripheral
from .uart import UartPeripheral

SUPERVISION_SECONDS = 0.72
"""How long nothing may be heard before a connection is given up: what bumble's central asks for."""


class BreakableRadio:
    """One peripheral, to be broken by the names of RADIO and mended."""

    def __init__(self, peripheral: Peripheral | UartPeripheral, clock: Clock, chance: random.Random) -> None:
        self._peripheral = peripheral
        self._presence = peripheral.presence
        self._clock = clock
        self._chance = chance

    async def break_(self, fault: str, parameters: Mapping[str, Quantity]) -> None:
        """Begin a fault; raises UsageError for one that this device cannot have."""
        device = self._peripheral.device
        if fault not in RADIO:
            raise UsageError(f"{device.name} cannot have the fault {fault!r}")
        planned = PlannedFault(device.name, fault, 0.0, None, dict(parameters))
        units = {signal.name: signal.unit for signal in device.signals.values()}
        told = numbers_of(planned, RADIO[fault], units)
        match fault:
            case "weak-signal":
                await self._fade(float(told["rssi"]))
            case "slow-connection":
                self._reception.interval = float(told["interval"])
            case "notify-loss":
                share = float(told["share"])
                self._presence.left_out = lambda: self._chance.random() < share
            case _:
                self._gatt.refuse(str(told["signal"]), round(float(told["code"])))

    async def mend(self, fault: str) -> None:
        """End a fault."""
        usual = Reception()
        match fault:
            case "weak-signal":
                self._reception.rssi = usual.rssi
            case "slow-connection":
                self._reception.interval = usual.interval
            case "notify-loss":
                self._presence.left_out = None
            case _:
                self._gatt.refuse_nothing()

    @property
    def _gatt(self) -> Peripheral:
        if not isinstance(self._peripheral, Peripheral):
            raise UsageError(f"{self._peripheral.device.name} has no characteristics, but a stream of bytes")
        return self._peripheral

    @property
    def _reception(self) -> Reception:
        return self._presence.reception

    async def _fade(self, rssi: float) -> None:
        self._reception.rssi = rssi
        if not self._reception.in_range:
            await self._clock.sleep(SUPERVISION_SECONDS)
            if not self._reception.in_range:  # nor meanwhile again
                self._presence.cut()
