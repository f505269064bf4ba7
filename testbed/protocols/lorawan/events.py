"""What a network server tells of a device, and what one asks of it, whichever server it is."""

from __future__ import annotations

import msgspec


class Uplink(msgspec.Struct, frozen=True):
    """The device sent `data` on `f_port` (0: nothing but MAC commands or an acknowledgement)."""

    deduplication_id: str
    dev_addr: str
    f_cnt: int
    f_port: int
    data: bytes


class Ack(msgspec.Struct, frozen=True):
    """The device acknowledged a confirmed downlink, or failed to in its next uplink."""

    queue_item_id: str
    acknowledged: bool


class TxAck(msgspec.Struct, frozen=True):
    """A gateway took a downlink for transmission."""

    queue_item_id: str


class LogEntry(msgspec.Struct, frozen=True):
    """The server complains about a device: `level` INFO, WARNING or ERROR, `code` such as EXPIRED."""

    level: str
    code: str
    description: str
    context: dict[str, str]


class Status(msgspec.Struct, frozen=True):
    """The device answered DevStatusReq: link margin in dB, battery in % (None: unknown or mains)."""

    margin: int
    battery_level: float | None


class Downlink(msgspec.Struct, frozen=True):
    """A payload to enqueue; `expires_ns` is UTC in ns, 0 for never. The server makes up a missing `id`.

    `correlations` are all that The Things Stack was given to know it by.
    """

    dev_eui: str
    f_port: int
    data: bytes
    confirmed: bool = False
    id: str = ""
    expires_ns: int = 0
    correlations: tuple[str, ...] = ()


Event = Uplink | Ack | TxAck | LogEntry | Status
