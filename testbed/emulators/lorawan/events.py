"""The events of one device, composed as ChirpStack does in uplink/data.rs, downlink/data.rs and tx_ack.rs."""

from __future__ import annotations

import random
import uuid
from typing import Any

from chirpstack_api.gw import gw_pb2 as gateway
from chirpstack_api.integration import integration_pb2 as schema

from testbed.clock import NS, Clock
from testbed.protocols.lorawan.plan import Plan
from testbed.protocols.lorawan.topics import DeviceAddress

from .radio import UplinkFrame, receive

EXPIRED = schema.EXPIRED
DOWNLINK_PAYLOAD_SIZE = schema.DOWNLINK_PAYLOAD_SIZE

_DOWNLINK_POWER = 14  # dBm ERP, the limit of the bands L and M
_REGION = {"region_config_id": "eu868", "region_common_name": "EU868"}


class EventComposer:
    """Makes a device's events, with the session's identities and a gateway that hears it."""

    def __init__(
        self, name: str, address: DeviceAddress, plan: Plan, clock: Clock, chance: random.Random
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._random = chance
        self._dev_addr = (
            f"{chance.getrandbits(25):08x}"  # NetID 0, for experiments (LoRaWAN TS002, section 6)
        )
        self._gateway = f"{0x0016C001 << 32 | chance.getrandbits(32):016x}"
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

    def up(self, frame: UplinkFrame, deduplication_id: str) -> Any:
        """Return the event of an uplink, as one gateway heard it."""
        event = schema.UplinkEvent(
            deduplication_id=deduplication_id,
            device_info=self._info,
            dev_addr=self._dev_addr,
            adr=True,
            dr=self._plan.data_rate,
            f_cnt=frame.f_cnt,
            f_port=frame.f_port,
            data=frame.data,
            region_config_id=_REGION["region_config_id"],
        )
        self._stamp(event.time)
        self._add_reception(event, frame)
        event.tx_info.frequency = frame.frequency
        self._modulate(event.tx_info.modulation.lora)
        return event

    def ack(self, queue_item_id: str, f_cnt: int, acknowledged: bool, deduplication_id: str) -> Any:
        """Return the event that settles a confirmed downlink."""
        event = schema.AckEvent(
            deduplication_id=deduplication_id,
            device_info=self._info,
            queue_item_id=queue_item_id,
            acknowledged=acknowledged,
            f_cnt_down=f_cnt,
        )
        self._stamp(event.time)
        return event

    def txack(self, queue_item_id: str, f_cnt: int, frequency: int) -> Any:
        """Return the event of a downlink that the gateway took for transmission in RX1."""
        event = schema.TxAckEvent(
            downlink_id=self._random.getrandbits(32),
            device_info=self._info,
            queue_item_id=queue_item_id,
            f_cnt_down=f_cnt,
            gateway_id=self._gateway,
        )
        self._stamp(event.time)
        event.tx_info.frequency = frequency
        event.tx_info.power = _DOWNLINK_POWER
        self._modulate(event.tx_info.modulation.lora)
        event.tx_info.modulation.lora.polarization_inversion = True
        event.tx_info.timing.delay.delay.FromNanoseconds(round(self._plan.rx1_delay * NS))
        return event

    def error(self, code: int, description: str, **context: str) -> Any:
        """Return a log event of level ERROR."""
        event = schema.LogEvent(
            device_info=self._info, level=schema.ERROR, code=code, description=description, context=context
        )
        self._stamp(event.time)
        return event

    def _add_reception(self, event: Any, frame: UplinkFrame) -> None:
        reception = receive(frame, self._random)
        heard = event.rx_info.add(
            gateway_id=self._gateway,
            uplink_id=self._random.getrandbits(32),
            rssi=reception.rssi,
            snr=reception.snr,
            channel=reception.channel,
            context=self._random.randbytes(4),
            metadata=_REGION,
            crc_status=gateway.CRC_OK,
        )
        self._stamp(heard.ns_time)

    def _stamp(self, timestamp: Any) -> None:
        timestamp.FromNanoseconds(self._clock.now())

    def _modulate(self, lora: Any) -> None:
        lora.bandwidth = 125_000
        lora.spreading_factor = self._plan.spreading_factor
        lora.code_rate = gateway.CR_4_5
