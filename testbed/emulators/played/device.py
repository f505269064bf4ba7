"""A recorded device on its way to a wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from testbed.bench.device import Device
from testbed.emulators.base import EmulatorContext, Ready

from .player import Player


@dataclass(frozen=True)
class PlayedDevice:
    """A device, what plays it, and what it offered when it was opened (of GATT: its table, else empty)."""

    device: Device
    player: Player
    offered: bytes = b""


ServePlayed = Callable[[Sequence[PlayedDevice], EmulatorContext, Ready], Awaitable[None]]
"""Holds the ends of one kind of wire until cancelled; a device is away until its player plugs it in."""
