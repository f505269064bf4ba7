"""One named quantity of a device."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Access(StrEnum):
    """How a signal is reached: asked for, told to, or sent by the device unasked."""

    READ = "read"
    WRITE = "write"
    NOTIFY = "notify"


class Signal(msgspec.Struct, frozen=True):
    """A quantity with its unit and its bounds, as the profile and the bench file resolved them.

    `limits` and `safe` are in `unit`, `slew` in `unit` per second, `period_ns` is the time between
    two samples that its source promises (0: no promise). Only writable signals have a safe value.
    """

    id: int
    device: str
    name: str
    unit: str = ""
    access: Access = Access.READ
    limits: tuple[float, float] | None = None
    slew: float | None = None
    safe: float | None = None
    period_ns: int = 0
    title: str = ""

    @property
    def path(self) -> str:
        """The name by which bench files, commands and exports call it: device.signal."""
        return f"{self.device}.{self.name}"

    @property
    def writable(self) -> bool:
        """Whether commands may be given to it."""
        return self.access is Access.WRITE
