"""Faults of devices that run firmware; testbed.emulators.faults lists and describes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from testbed.bench import units
from testbed.bench.device import Device
from testbed.bench.profile import Quantity
from testbed.clock import Ticker
from testbed.emulators.base import EmulatorContext
from testbed.errors import UsageError

from .guest import Boot, Guest
from .pins import Pins, Window
from .wire import Wire

_NOISE_RATE = 100.0  # bytes a second
_BEHIND_VECTORS = 0x40
_NS = 1_000_000_000


class BreakableNode:
    """One device with firmware, to be broken by name and mended."""

    def __init__(
        self, device: Device, guest: Guest, pins: Pins, wire: Wire, window: Window, context: EmulatorContext
    ) -> None:
        self._device = device
        self._guest = guest
        self._pins = pins
        self._wire = wire
        self._window = window
        self._clock = context.clock
        self._random = context.random
        self._noise: Ticker | None = None
        self._stuck = ""
        # A power cut and a hang must not overtake each other half-way.
        self._turn = asyncio.Lock()
        self._begin: dict[str, Callable[[Mapping[str, Quantity]], Awaitable[None]]] = {
            "reset": self._reset,
            "hang": lambda parameters: guest.hang(),
            "brown-out": lambda parameters: self._off(),
            "flash-corruption": self._corrupt,
            "stuck-adc": self._stick,
            "uart-noise": self._disturb,
        }
        self._end: dict[str, Callable[[], Awaitable[None]]] = {
            "hang": guest.go_on,
            "brown-out": lambda: self._on(Boot.BROWN_OUT),
            "flash-corruption": self._flash_again,
            "stuck-adc": self._loosen,
            "uart-noise": self.stop,
        }

    async def break_(self, fault: str, parameters: Mapping[str, Quantity]) -> None:
        """Begin a fault; raises UsageError for one that this board cannot have."""
        if fault not in self._begin:
            raise UsageError(f"{self._device.name} cannot have the fault {fault!r}")
        async with self._turn:
            await self._begin[fault](parameters)

    async def mend(self, fault: str) -> None:
        """End a fault that lasts; one that does not is over already."""
        if fault in self._end:
            async with self._turn:
                await self._end[fault]()

    async def stop(self) -> None:
        """Make no more noise."""
        if self._noise is not None:
            self._noise.cancel()
            self._noise = None

    async def _reset(self, parameters: Mapping[str, Quantity]) -> None:
        if not await self._guest.reset():
            await self._off()
            await self._on(Boot.RESET)

    async def _off(self) -> None:
        await self._guest.stop()
        self._window.power_off()
        self._wire.clear()

    async def _on(self, reason: Boot) -> None:
        self._window.set_supply(reason)
        await self._guest.start()

    async def _corrupt(self, parameters: Mapping[str, Quantity]) -> None:
        start = self._guest.start_
        if start.image.suffix != ".bin":
            raise UsageError(
                f"{self._device.name}: only an image that checks itself can be corrupted",
                "use the .bin of mps2-an385",
            )
        damaged = Path(start.pins).with_name("damaged.bin")
        damaged.write_bytes(self._damage(start.image.read_bytes(), parameters))
        await self._off()
        self._window.set_supply(Boot.POWER_ON)
        await self._guest.start(replace(start, image=damaged))

    def _damage(self, image: bytes, parameters: Mapping[str, Quantity]) -> bytes:
        byte = self._random.randrange(_BEHIND_VECTORS, len(image))
        if "byte" in parameters:
            byte = round(units.convert(parameters["byte"], ""))
        if not 0 <= byte < len(image):
            raise UsageError(f"byte {byte} is not in the image, which has {len(image)}")
        flipped = bytearray(image)
        flipped[byte] ^= 1 << self._random.randrange(8)
        return bytes(flipped)

    async def _flash_again(self) -> None:
        await self._off()
        await self._on(Boot.POWER_ON)

    async def _stick(self, parameters: Mapping[str, Quantity]) -> None:
        name = str(parameters.get("signal", ""))
        if name not in self._pins.measured:
            known = ", ".join(self._pins.measured)
            raise UsageError(f"{self._device.name} measures no {name!r} with its ADC", f"choose from {known}")
        value = parameters.get("value")
        unit = self._device.signals[name].unit
        self._pins.stick(name, None if value is None else units.convert(value, unit))
        self._stuck = name

    async def _loosen(self) -> None:
        self._pins.loosen(self._stuck)

    async def _disturb(self, parameters: Mapping[str, Quantity]) -> None:
        await self.stop()
        rate = units.convert(parameters.get("rate", _NOISE_RATE), "Hz")
        self._noise = self._clock.every(
            round(_NS / rate), lambda: self._wire.disturb(bytes((self._random.randrange(256),)))
        )
