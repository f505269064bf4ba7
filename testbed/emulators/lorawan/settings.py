"""What the network sets in a device by MAC commands, and how the device answers."""

from __future__ import annotations

from testbed.protocols.lorawan.adr import RadioSettings
from testbed.protocols.lorawan.airtime import EU868_CHANNELS
from testbed.protocols.lorawan.eu868 import (
    ADR_ACK_DELAY,
    ADR_ACK_LIMIT,
    MAX_EIRP,
    MAX_MAC_PAYLOAD,
    POWER_STEPS,
    spreading_factor,
)
from testbed.protocols.lorawan.mac import Cid, DevStatusAns, LinkAdrAns, LinkAdrReq, MacCommand

ALL_CHANNELS = (1 << len(EU868_CHANNELS)) - 1
_ALL_ON = 6  # of ChMaskCntl
_BATTERY_UNKNOWN = 255
_REFUSING = (Cid.RX_PARAM_SETUP, Cid.NEW_CHANNEL, Cid.DL_CHANNEL)
"""What a device answers, but none of it with yes: its channels and windows are those of its profile."""


class DeviceSettings:
    """Data rate, power, repetitions and channels of a device.

    `payload` is the largest that it sends: a data rate that cannot carry it is refused.
    """

    def __init__(self, data_rate: int, payload: int, *, adr: bool) -> None:
        self.radio = RadioSettings(data_rate)
        self.adr = adr
        self._payload = payload
        self._mask = ALL_CHANNELS
        self._unanswered = 0

    @property
    def channels(self) -> list[int]:
        """The frequencies that it may use, in Hz."""
        return [each for number, each in enumerate(EU868_CHANNELS) if self._mask >> number & 1]

    @property
    def spreading_factor(self) -> int:
        """That of its data rate."""
        return spreading_factor(self.radio.data_rate)

    @property
    def eirp(self) -> float:
        """Its power in dBm."""
        return MAX_EIRP - 2 * self.radio.tx_power

    @property
    def asks(self) -> bool:
        """Whether it asks to be told that it is heard (ADRACKReq)."""
        return self.adr and self._unanswered >= ADR_ACK_LIMIT and self._can_be_stronger

    @property
    def _can_be_stronger(self) -> bool:
        return self.radio.tx_power > 0 or self._carries(self.radio.data_rate - 1)

    def sent(self) -> None:
        """Count an uplink; after too many without any answer, be louder or slower (L2 1.0.4, 4.3.1.1)."""
        self._unanswered += 1
        over = self._unanswered - ADR_ACK_LIMIT
        if not self.adr or over <= 0 or over % ADR_ACK_DELAY or not self._can_be_stronger:
            return
        if self.radio.tx_power:
            self.radio = self.radio._replace(tx_power=0)
        else:
            self.radio = self.radio._replace(data_rate=self.radio.data_rate - 1)

    def answered(self) -> None:
        """Note that the network was heard."""
        self._unanswered = 0

    def obey(self, command: MacCommand, snr: float) -> MacCommand | None:
        """Do what a command says, as far as this device can; returns the answer, None if there is none."""
        if command.cid is Cid.LINK_ADR:
            return self._link_adr(LinkAdrReq.of(command))
        if command.cid is Cid.DEV_STATUS:
            return DevStatusAns(_BATTERY_UNKNOWN, round(snr)).command()
        if command.cid in _REFUSING:
            return MacCommand(command.cid, b"\0")
        if command.cid in (Cid.DUTY_CYCLE, Cid.RX_TIMING_SETUP):
            return MacCommand(command.cid)
        return None

    def _link_adr(self, request: LinkAdrReq) -> MacCommand:
        mask = ALL_CHANNELS if request.control == _ALL_ON else request.channels
        answer = LinkAdrAns(
            power=request.tx_power < POWER_STEPS or request.tx_power == 15,
            data_rate=request.data_rate == 15 or self._carries(request.data_rate),
            channels=request.control in (0, _ALL_ON) and 0 < mask <= ALL_CHANNELS,
        )
        if answer.accepted:
            self._mask = mask
            now = self.radio
            self.radio = RadioSettings(  # 15 and 0 leave things as they are
                now.data_rate if request.data_rate == 15 else request.data_rate,
                now.tx_power if request.tx_power == 15 else request.tx_power,
                request.nb_trans or now.nb_trans,
            )
        return answer.command()

    def _carries(self, data_rate: int) -> bool:
        if not 0 <= data_rate <= 5:
            return False
        return self._payload + 8 <= MAX_MAC_PAYLOAD[spreading_factor(data_rate)]
