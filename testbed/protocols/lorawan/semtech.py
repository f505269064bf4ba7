"""The Semtech UDP packet forwarder: datagrams between a gateway and its network server, version 2.

Source: Lora-net/packet_forwarder, PROTOCOL.TXT.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

VERSION = 2
TICKS = 1 << 32
"""A concentrator counts microseconds in 32 bits."""

_DATA_RATE = re.compile(r"SF(7|8|9|10|11|12)BW125")


class Kind(IntEnum):
    """The kinds of datagrams."""

    PUSH_DATA = 0
    PUSH_ACK = 1
    PULL_DATA = 2
    PULL_RESP = 3
    PULL_ACK = 4
    TX_ACK = 5


_WITH_GATEWAY = (Kind.PUSH_DATA, Kind.PULL_DATA, Kind.TX_ACK)


class TxError(StrEnum):
    """Why a gateway does not send."""

    NONE = "NONE"
    TOO_LATE = "TOO_LATE"
    TOO_EARLY = "TOO_EARLY"
    COLLISION_PACKET = "COLLISION_PACKET"
    TX_FREQ = "TX_FREQ"
    TX_POWER = "TX_POWER"


@dataclass(frozen=True)
class Datagram:
    """One datagram: its token, the gateway (0: none in this kind) and what its JSON holds."""

    kind: Kind
    token: int
    gateway: int = 0
    content: dict[str, Any] | None = None

    def encode(self) -> bytes:
        """Return its bytes."""
        head = bytes((VERSION, *self.token.to_bytes(2), self.kind))
        if self.kind in _WITH_GATEWAY:
            head += self.gateway.to_bytes(8)
        return head + (json.dumps(self.content, separators=(",", ":")).encode() if self.content else b"")

    @classmethod
    def decode(cls, data: bytes) -> Datagram:
        """Return a datagram; raises ValueError that says what was expected and what came."""
        if len(data) < 4 or data[0] != VERSION or data[3] > Kind.TX_ACK:
            raise ValueError(f"expected a datagram of a packet forwarder, got {data[:24].hex(' ')}")
        kind, token = Kind(data[3]), int.from_bytes(data[1:3])
        start = 12 if kind in _WITH_GATEWAY else 4
        if len(data) < start:
            raise ValueError(f"{kind.name}: expected a gateway's EUI, got {data.hex(' ')}")
        gateway = int.from_bytes(data[4:start])
        return cls(kind, token, gateway, _object(kind, data[start:]))


@dataclass(frozen=True)
class Received:
    """A frame as a gateway heard it (`rxpk`).

    `tmst` is the concentrator's time at its end (µs, 32 bits), `time` UTC as ISO 8601, frequency in Hz,
    RSSI in dBm, SNR in dB.
    """

    time: str
    tmst: int
    channel: int
    frequency: int
    spreading_factor: int
    rssi: int
    snr: float
    phy: bytes

    def content(self) -> dict[str, Any]:
        """Return it as an entry of `rxpk`."""
        return {
            "time": self.time, "tmst": self.tmst, "chan": self.channel, "rfch": self.channel // 5,
            "freq": self.frequency / 1e6, "stat": 1, "modu": "LORA",
            "datr": f"SF{self.spreading_factor}BW125", "codr": "4/5",
            "rssi": self.rssi, "lsnr": self.snr, "size": len(self.phy),
            "data": base64.b64encode(self.phy).decode(),
        }  # fmt: skip

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Received:
        """Return what an entry of `rxpk` says; raises ValueError for one that is none of LoRa at 125 kHz."""
        try:
            return cls(
                str(entry.get("time", "")), int(entry["tmst"]), int(entry["chan"]),
                round(entry["freq"] * 1e6), _spreading_factor(entry), int(entry["rssi"]),
                float(entry["lsnr"]), _phy(entry),
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise ValueError(f"rxpk: expected a number in {error}") from None


@dataclass(frozen=True)
class Transmission:
    """A frame for a gateway to send (`txpk`): when its concentrator's time is `tmst` (µs, 32 bits).

    Frequency in Hz, power in dBm EIRP. Downlinks have their polarization inverted and no CRC.
    """

    tmst: int
    frequency: int
    power: int
    spreading_factor: int
    phy: bytes

    def content(self) -> dict[str, Any]:
        """Return the object that a PULL_RESP holds."""
        return {"txpk": {
            "imme": False, "tmst": self.tmst, "freq": self.frequency / 1e6, "rfch": 0, "powe": self.power,
            "modu": "LORA", "datr": f"SF{self.spreading_factor}BW125", "codr": "4/5", "ipol": True,
            "size": len(self.phy), "ncrc": True, "data": base64.b64encode(self.phy).decode(),
        }}  # fmt: skip

    @classmethod
    def of(cls, content: dict[str, Any] | None) -> Transmission:
        """Return what a PULL_RESP says; raises ValueError for what is none of LoRa at 125 kHz."""
        entry = (content or {}).get("txpk")
        if not isinstance(entry, dict):
            raise ValueError(f"PULL_RESP: expected txpk, got {content}")
        try:
            return cls(
                int(entry["tmst"]), round(entry["freq"] * 1e6), int(entry["powe"]), _spreading_factor(entry),
                _phy(entry),
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise ValueError(f"txpk: expected a number in {error}") from None


def received_of(datagram: Datagram) -> list[Received]:
    """Return the frames in a PUSH_DATA; raises ValueError for what is no list of them."""
    entries = (datagram.content or {}).get("rxpk", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"rxpk: expected a list of objects, got {str(entries)[:60]}")
    return [Received.of(entry) for entry in entries]


def tx_error_of(datagram: Datagram) -> str:
    """Return what a TX_ACK says: NONE, or the reason for which nothing is sent."""
    answer = (datagram.content or {}).get("txpk_ack")
    return str(answer.get("error", TxError.NONE)) if isinstance(answer, dict) else TxError.NONE


def _object(kind: Kind, text: bytes) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ValueError(f"{kind.name}: expected a JSON object, got {text[:40]!r}")
    return content


def _spreading_factor(entry: dict[str, Any]) -> int:
    match = _DATA_RATE.fullmatch(str(entry.get("datr")))
    if match is None:
        raise ValueError(f"datr: expected SF7BW125 to SF12BW125, got {entry.get('datr')!r}")
    return int(match[1])


def _phy(entry: dict[str, Any]) -> bytes:
    text = str(entry.get("data", ""))
    try:
        phy = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)  # padding is optional
    except (ValueError, binascii.Error):
        raise ValueError(f"data: expected base64 text, got {text[:40]!r}") from None
    if entry.get("size") != len(phy):
        raise ValueError(f"size: expected {len(phy)} bytes, got {entry.get('size')}")
    return phy
