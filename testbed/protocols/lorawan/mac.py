"""MAC commands: what network and device tell each other beside the payload.

Source: LoRaWAN L2 1.0.4, section 5. Commands stand one after the other without lengths, so one that is
unknown hides those behind it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Cid(IntEnum):
    """Command identifiers; an answer has that of its request."""

    LINK_CHECK = 0x02
    LINK_ADR = 0x03
    DUTY_CYCLE = 0x04
    RX_PARAM_SETUP = 0x05
    DEV_STATUS = 0x06
    NEW_CHANNEL = 0x07
    RX_TIMING_SETUP = 0x08
    TX_PARAM_SETUP = 0x09
    DL_CHANNEL = 0x0A
    DEVICE_TIME = 0x0D


_SIZES = {
    Cid.LINK_CHECK: (0, 2), Cid.LINK_ADR: (1, 4), Cid.DUTY_CYCLE: (0, 1), Cid.RX_PARAM_SETUP: (1, 4),
    Cid.DEV_STATUS: (2, 0), Cid.NEW_CHANNEL: (1, 5), Cid.RX_TIMING_SETUP: (0, 1), Cid.TX_PARAM_SETUP: (0, 1),
    Cid.DL_CHANNEL: (1, 4), Cid.DEVICE_TIME: (0, 5),
}  # fmt: skip
"""Bytes behind the identifier: from the device, and to it."""


class MacCommand(NamedTuple):
    """One command as it stands: identifier and the bytes behind it."""

    cid: Cid
    body: bytes = b""


def join_commands(commands: Iterable[MacCommand]) -> bytes:
    """Return commands as they stand in a frame."""
    return b"".join(bytes((command.cid,)) + command.body for command in commands)


def split_commands(data: bytes, *, uplink: bool) -> list[MacCommand]:
    """Return the commands in a frame; raises ValueError at one that is unknown or cut."""
    found, at = [], 0
    while at < len(data):
        try:
            cid = Cid(data[at])
        except ValueError:
            raise ValueError(
                f"MAC command 0x{data[at]:02x} at byte {at} is unknown: {data.hex(' ')}"
            ) from None
        end = at + 1 + _SIZES[cid][0 if uplink else 1]
        if end > len(data):
            raise ValueError(f"MAC command {cid.name} at byte {at} is cut: {data.hex(' ')}")
        found.append(MacCommand(cid, data[at + 1 : end]))
        at = end
    return found


@dataclass(frozen=True)
class LinkAdrReq:
    """The network sets data rate, power and channels; `nb_trans` repetitions, 0 leaves them as they are."""

    data_rate: int
    tx_power: int
    channels: int
    control: int = 0
    nb_trans: int = 1

    def command(self) -> MacCommand:
        """Return it as it stands in a frame."""
        settings = self.control << 4 | self.nb_trans
        head = self.data_rate << 4 | self.tx_power
        return MacCommand(Cid.LINK_ADR, struct.pack("<BHB", head, self.channels, settings))

    @classmethod
    def of(cls, command: MacCommand) -> LinkAdrReq:
        """Return what a command says."""
        head, channels, settings = struct.unpack("<BHB", command.body)
        return cls(head >> 4, head & 15, channels, settings >> 4 & 7, settings & 15)


@dataclass(frozen=True)
class LinkAdrAns:
    """What of a `LinkAdrReq` the device accepts; all of it, or nothing is done."""

    power: bool
    data_rate: bool
    channels: bool

    def command(self) -> MacCommand:
        """Return it as it stands in a frame."""
        return MacCommand(Cid.LINK_ADR, bytes((self.power << 2 | self.data_rate << 1 | self.channels,)))

    @classmethod
    def of(cls, command: MacCommand) -> LinkAdrAns:
        """Return what a command says."""
        bits = command.body[0]
        return cls(bool(bits & 4), bool(bits & 2), bool(bits & 1))

    @property
    def accepted(self) -> bool:
        """Whether the device does what it was asked."""
        return self.power and self.data_rate and self.channels


@dataclass(frozen=True)
class DevStatusAns:
    """Battery (0: mains, 1 to 254, 255: unknown) and the SNR of the request that it heard, -32 to 31 dB."""

    battery: int
    margin: int

    def command(self) -> MacCommand:
        """Return it as it stands in a frame."""
        return MacCommand(Cid.DEV_STATUS, bytes((self.battery, max(-32, min(self.margin, 31)) & 0x3F)))

    @classmethod
    def of(cls, command: MacCommand) -> DevStatusAns:
        """Return what a command says."""
        battery, raw = command.body
        return cls(battery, (raw & 0x3F) - (64 if raw & 0x20 else 0))


@dataclass(frozen=True)
class LinkCheckAns:
    """How far above the needed SNR the best gateway heard the request, in dB, and how many heard it."""

    margin: int
    gateways: int

    def command(self) -> MacCommand:
        """Return it as it stands in a frame."""
        return MacCommand(Cid.LINK_CHECK, bytes((max(0, min(self.margin, 254)), min(self.gateways, 255))))

    @classmethod
    def of(cls, command: MacCommand) -> LinkCheckAns:
        """Return what a command says."""
        return cls(*command.body)
