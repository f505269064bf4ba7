"""The events of one device as ChirpStack v4 composes them (uplink/data.rs, downlink/data.rs, tx_ack.rs)."""

from __future__ import annotations

import random
import uuid
from typing import Any

from chirpstack_api.gw import gw_pb2 as gateway
from chirpstack_api.integration import integration_pb2 as schema

from testbed.clock import NS, Clock
from testbed.protocols.lorawan.chirpstack import print_event
from testbed.protocols.lorawan.topics import DeviceAddress

from .telling import Copy, Heard, Item, Sent, Told

_REGION = {"region_config_id": "eu868", "region_common_name": "EU868"}


class ChirpstackTeller:
    """Makes a device's events, with the session's identities."""

    tries = 1

    def __init__(self, name: str, address: DeviceAddress, clock: Clock, chance: random.Random) -> None:
        self._clock = clock
        self._random = chance
        self._info = schema.DeviceInfo(
            tenant_id=self.new_id(),
            tenant_name="ChirpStack",
            application_id=address.application,
            application_name="bench",
            device_profile_id=self.new_id(),
            device_profile_name="class A",
            device_name=name,
            dev_eui=address.dev_eui,
        )

    def new_id(self) -> str:
        """Return a new UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def joined(self, dev_addr: int, deduplication_id: str) -> Told:
        """Return the join event."""
        event = schema.JoinEvent(
            deduplication_id=deduplication_id,
            device_info=self._info,
            dev_addr=f"{dev_addr:08x}",
            region_config_id=_REGION["region_config_id"],
        )
        return self._told("join", event)

    def up(self, heard: Heard) -> Told:
        """Return the event of an uplink, with every gateway that heard it."""
        frame = heard.frame
        event = schema.UplinkEvent(
            deduplication_id=heard.deduplication_id,
            device_info=self._info,
            dev_addr=f"{frame.dev_addr:08x}",
            adr=frame.adr,
            dr=12 - heard.best.spreading_factor,
            f_cnt=frame.f_cnt,
            f_port=frame.f_port or 0,
            confirmed=frame.confirmed,
            data=frame.payload if frame.f_port else b"",
            region_config_id=_REGION["region_config_id"],
        )
        for copy in heard.copies:
            self._add_reception(event, copy)
        event.tx_info.frequency = heard.best.frequency
        _modulate(event.tx_info.modulation.lora, heard.best.spreading_factor)
        return self._told("up", event)

    def queued(self, item: Item) -> Told:
        """Return nothing: ChirpStack does not tell."""
        return []

    def sent(self, item: Item, sent: Sent) -> Told:
        """Return the event of a downlink that a gateway took for transmission."""
        event = schema.TxAckEvent(
            downlink_id=self._random.getrandbits(32),
            device_info=self._info,
            queue_item_id=item.downlink.id,
            f_cnt_down=item.f_cnt,
            gateway_id=f"{sent.gateway:016x}",
        )
        event.tx_info.frequency = sent.frequency
        event.tx_info.power = sent.power
        _modulate(event.tx_info.modulation.lora, sent.spreading_factor)
        event.tx_info.modulation.lora.polarization_inversion = True
        event.tx_info.timing.delay.delay.FromNanoseconds(round(sent.delay * NS))
        return self._told("txack", event)

    def acknowledged(self, item: Item, heard: Heard, acknowledged: bool) -> Told:
        """Return the event that settles a confirmed downlink."""
        event = schema.AckEvent(
            deduplication_id=heard.deduplication_id,
            device_info=self._info,
            queue_item_id=item.downlink.id,
            acknowledged=acknowledged,
            f_cnt_down=item.f_cnt,
        )
        return self._told("ack", event)

    def expired(self, item: Item) -> Told:
        """Return the log event that says so."""
        text = "Device queue-item discarded because it has expired"
        return self._log("ERROR", "EXPIRED", text, queue_item_id=item.downlink.id)

    def too_long(self, item: Item, limit: int) -> Told:
        """Return the log event that says so."""
        text = "Device queue-item discarded because it exceeds the max. payload size"
        sizes = {"max_payload_size": str(limit), "item_size": str(len(item.downlink.data))}
        return self._log("ERROR", "DOWNLINK_PAYLOAD_SIZE", text, **sizes, queue_item_id=item.downlink.id)

    def not_sent(self, item: Item) -> Told:
        """Return the log event that says so."""
        text = "No gateway could send the downlink in time"
        return self._log("ERROR", "DOWNLINK_GATEWAY", text, queue_item_id=item.downlink.id)

    def refused(self, code: str, text: str, deduplication_id: str) -> Told:
        """Return the log event that says so."""
        return self._log("WARNING", code, text, deduplication_id=deduplication_id)

    def _log(self, level: str, code: str, text: str, **context: str) -> Told:
        event = schema.LogEvent(
            device_info=self._info, level=level, code=code, description=text, context=context
        )
        return self._told("log", event)

    def _told(self, kind: str, event: Any) -> Told:
        self._stamp(event.time)
        return [(kind, print_event(event))]

    def _add_reception(self, event: Any, copy: Copy) -> None:
        heard = event.rx_info.add(
            gateway_id=f"{copy.gateway:016x}",
            uplink_id=self._random.getrandbits(32),
            rssi=copy.received.rssi,
            snr=copy.received.snr,
            channel=copy.received.channel,
            context=copy.received.tmst.to_bytes(4),
            metadata=_REGION,
            crc_status=gateway.CRC_OK,
        )
        heard.gw_time.FromJsonString(copy.received.time)
        self._stamp(heard.ns_time)

    def _stamp(self, timestamp: Any) -> None:
        timestamp.FromNanoseconds(self._clock.now())


def _modulate(lora: Any, spreading_factor: int) -> None:
    lora.bandwidth = 125_000
    lora.spreading_factor = spreading_factor
    lora.code_rate = gateway.CR_4_5
