"""The events of one device as The Things Stack v3 prints them.

Order and names of the fields are those of messages.proto; what real servers fill in is taken from messages
of The Things Network of 2023 and 2024.
"""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime
from typing import Any

from testbed.clock import NS, Clock
from testbed.protocols.lorawan.airtime import airtime
from testbed.protocols.lorawan.things_stack import ThingsAddress, printed

from .identity import JOIN_EUI
from .telling import Copy, Heard, Item, Sent, Told

_ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_NAMESPACE = "pkg/networkserver"
_INVALID_ARGUMENT, _ABORTED = 3, 10  # gRPC's codes


class ThingsStackTeller:
    """Makes a device's events, with the session's identities."""

    tries = 8  # attempts of a confirmed downlink, the server's default

    def __init__(self, address: ThingsAddress, dev_eui: int, clock: Clock, chance: random.Random) -> None:
        self._address = address
        self._clock = clock
        self._random = chance
        self._tenant = address.application.partition("@")[2]
        self._session_key_id = _base64(chance.randbytes(16))
        self._ids: dict[str, Any] = {
            "device_id": address.device_id,
            "application_ids": {"application_id": address.application.partition("@")[0]},
            "dev_eui": f"{dev_eui:016X}",
            "join_eui": f"{JOIN_EUI:016X}",
        }

    def new_id(self) -> str:
        """Return an id as the server gives downlinks that come without one."""
        return f"as:downlink:{self._ulid()}"

    def joined(self, dev_addr: int, deduplication_id: str) -> Told:
        """Return the join-accept message."""
        self._session_key_id = _base64(self._random.randbytes(16))
        self._ids["dev_addr"] = f"{dev_addr:08X}"
        accept = {"session_key_id": self._session_key_id, "received_at": self._now()}
        return self._told("join", "join_accept", accept, [f"gs:uplink:{self._ulid()}"])

    def up(self, heard: Heard) -> Told:
        """Return the uplink message, with every gateway that heard it."""
        frame, best = heard.frame, heard.best
        self._ids["dev_addr"] = f"{frame.dev_addr:08X}"
        data_rate = {"bandwidth": 125_000, "spreading_factor": best.spreading_factor, "coding_rate": "4/5"}
        uplink = {
            "session_key_id": self._session_key_id,
            "f_port": frame.f_port or 0,
            "f_cnt": frame.f_cnt,
            "frm_payload": _base64(frame.payload) if frame.f_port else "",
            "rx_metadata": [self._metadata(copy) for copy in heard.copies],
            "settings": {
                "data_rate": {"lora": data_rate},
                "frequency": str(best.frequency),
                "timestamp": best.tmst,
                "time": best.time,
            },
            "received_at": self._now(),
            "confirmed": frame.confirmed,
            "consumed_airtime": f"{airtime(len(best.phy), best.spreading_factor):.6f}s",
            "network_ids": {
                "net_id": "000000",
                "ns_id": "EC656E0000000181",
                "tenant_id": self._tenant,
                "cluster_id": "bench",
            },
        }
        return self._told("up", "uplink_message", uplink, [f"gs:uplink:{self._ulid()}"])

    def queued(self, item: Item) -> Told:
        """Return the message that a downlink is in the queue."""
        return self._about("queued", item)

    def sent(self, item: Item, sent: Sent) -> Told:
        """Return the message that a gateway took a downlink."""
        return self._about("sent", item)

    def acknowledged(self, item: Item, heard: Heard, acknowledged: bool) -> Told:
        """Return the message that a confirmed downlink was acknowledged, or was not."""
        return self._about("ack" if acknowledged else "nack", item)

    def expired(self, item: Item) -> Told:
        """Return nothing: downlinks do not expire here."""
        return []

    def too_long(self, item: Item, limit: int) -> Told:
        """Return the message that a downlink failed."""
        sizes = {"length": len(item.downlink.data), "max": limit}
        text = "application downlink payload length `{length}` exceeds maximum '{max}'"
        return self._failed(item, "application_downlink_too_long", text, _INVALID_ARGUMENT, sizes)

    def not_sent(self, item: Item) -> Told:
        """Return the message that a downlink failed."""
        return self._failed(item, "schedule", "all gateways failed to schedule the downlink", _ABORTED, {})

    def refused(self, code: str, text: str, deduplication_id: str) -> Told:
        """Return nothing: only the server's own events tell."""
        return []

    def _about(self, kind: str, item: Item) -> Told:
        ids = self._correlations(item)
        return self._told(f"down/{kind}", f"downlink_{kind}", self._downlink(item), ids)

    def _failed(self, item: Item, name: str, text: str, code: int, attributes: dict[str, Any]) -> Told:
        error = {
            "namespace": _NAMESPACE,
            "name": name,
            "message_format": text,
            "attributes": attributes,
            "correlation_id": f"{self._random.getrandbits(128):032x}",
            "code": code,
        }
        failure = {"downlink": self._downlink(item), "error": error}
        return self._told("down/failed", "downlink_failed", failure, self._correlations(item))

    def _downlink(self, item: Item) -> dict[str, Any]:
        down = item.downlink
        return {
            "session_key_id": self._session_key_id,
            "f_port": down.f_port,
            "f_cnt": item.f_cnt,
            "frm_payload": _base64(down.data),
            "confirmed": down.confirmed,
            "priority": "NORMAL",
            "correlation_ids": self._correlations(item),
        }

    def _correlations(self, item: Item) -> list[str]:
        return list(item.downlink.correlations) or [item.downlink.id]

    def _metadata(self, copy: Copy) -> dict[str, Any]:
        received = copy.received
        return {
            "gateway_ids": {"gateway_id": f"eui-{copy.gateway:016x}", "eui": f"{copy.gateway:016X}"},
            "time": received.time,
            "timestamp": received.tmst,
            "rssi": received.rssi,
            "channel_rssi": received.rssi,
            "snr": received.snr,
            "uplink_token": _base64(self._random.randbytes(48)),
            "channel_index": received.channel,
            "received_at": self._now(),
        }

    def _told(self, kind: str, key: str, event: dict[str, Any], correlations: list[str]) -> Told:
        message = {
            "end_device_ids": self._ids,
            "correlation_ids": correlations,
            "received_at": self._now(),
            key: event,
        }
        return [(kind, printed(message))]

    def _now(self) -> str:
        whole, rest = divmod(self._clock.now(), NS)
        return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"

    def _ulid(self) -> str:
        number = (self._clock.now() // 1_000_000) << 80 | self._random.getrandbits(80)
        return "".join(_ULID[number >> shift & 31] for shift in range(125, -1, -5))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
