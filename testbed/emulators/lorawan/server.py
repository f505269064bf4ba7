"""The network server's side of the gateways: one frame of what several heard, and frames to be sent."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from testbed.clock import NS, Clock, Timer
from testbed.emulators.places import Places
from testbed.links.datagrams import Address, DatagramEnd
from testbed.protocols.lorawan.airtime import airtime
from testbed.protocols.lorawan.eu868 import (
    MAX_EIRP,
    RX2_DATA_RATE,
    RX2_EIRP,
    RX2_FREQUENCY,
    RX_DELAY_2,
    DutyCycle,
    spreading_factor,
)
from testbed.protocols.lorawan.semtech import (
    TICKS,
    Datagram,
    Kind,
    Transmission,
    TxError,
    received_of,
    tx_error_of,
)

from .telling import Copy, Sent

DEDUPLICATION = 0.2
"""Seconds for which copies of a frame are waited for, as in ChirpStack; less where a device waits less."""

_ANSWER_S = 0.5  # seconds for which a gateway's TX_ACK is waited for

Frames = Callable[[bytes, tuple[Copy, ...]], None]
"""Called with a frame and all its copies, the best first."""

Done = Callable[[Sent | None], None]
"""Called with what a gateway took, None when none would."""


@dataclass
class _Downlink:
    attempts: list[tuple[Sent, Transmission]]
    done: Done
    timer: Timer | None = None


@dataclass
class _Gateway:
    address: Address
    duty: DutyCycle = field(default_factory=DutyCycle)


class GatewayServer:
    """Hears gateways as datagrams and speaks to them; every gateway keeps its own duty cycle."""

    def __init__(self, clock: Clock, chance: random.Random, wait: float, frames: Frames) -> None:
        """Wait `wait` seconds for copies of a frame before it goes to `frames`."""
        self._clock = clock
        self._random = chance
        self._wait_ns = round(wait * NS)
        self._frames = frames
        self._end: DatagramEnd | None = None
        self._gateways: dict[int, _Gateway] = {}
        self._collecting: dict[bytes, list[Copy]] = {}
        self._downlinks: dict[int, _Downlink] = {}

    async def start(self, places: Places) -> Address:
        """Begin to hear gateways; returns where."""
        self._end = await places.datagrams(self._clock, self._received)
        return self._end.address

    def stop(self) -> None:
        """Hear no more."""
        if self._end is not None:
            self._end.close()
        for downlink in self._downlinks.values():
            if downlink.timer is not None:
                downlink.timer.cancel()

    # Up -----------------------------------------------------------------------------------------

    def _received(self, data: bytes, sender: Address) -> None:
        try:
            datagram = Datagram.decode(data)
            if datagram.kind is Kind.PUSH_DATA:
                self._send(Datagram(Kind.PUSH_ACK, datagram.token), sender)
                for received in received_of(datagram):
                    self._collect(Copy(datagram.gateway, received))
            elif datagram.kind is Kind.PULL_DATA:
                self._gateways.setdefault(datagram.gateway, _Gateway(sender)).address = sender
                self._send(Datagram(Kind.PULL_ACK, datagram.token), sender)
            elif datagram.kind is Kind.TX_ACK:
                self._answered(datagram.token, tx_error_of(datagram))
        except ValueError:
            return  # anybody can send us datagrams

    def _collect(self, copy: Copy) -> None:
        phy = copy.received.phy
        if phy in self._collecting:
            self._collecting[phy].append(copy)
            return
        self._collecting[phy] = [copy]
        self._clock.at(self._clock.now() + self._wait_ns, partial(self._collected, phy))

    def _collected(self, phy: bytes) -> None:
        copies = sorted(self._collecting.pop(phy), key=lambda each: -each.received.snr)
        self._frames(phy, tuple(copies))

    # Down ---------------------------------------------------------------------------------------

    def send(self, phy: bytes, copies: Sequence[Copy], delay: float, *, second: bool, done: Done) -> None:
        """Send a frame `delay` seconds after one that was heard, by a gateway that heard it.

        Each is tried for the first window, then for the `second`, if the device has one.
        """
        attempts = [self._attempt(phy, copy, delay) for copy in copies]
        if second:
            attempts += [self._attempt(phy, copy, delay + RX_DELAY_2, second=True) for copy in copies]
        self._next(_Downlink(attempts, done))

    def _attempt(
        self, phy: bytes, copy: Copy, delay: float, *, second: bool = False
    ) -> tuple[Sent, Transmission]:
        heard = copy.received
        frequency, factor, power = heard.frequency, heard.spreading_factor, MAX_EIRP
        if second:
            frequency, factor, power = RX2_FREQUENCY, spreading_factor(RX2_DATA_RATE), RX2_EIRP
        tmst = (heard.tmst + round(delay * 1e6)) % TICKS
        sent = Sent(copy.gateway, frequency, round(power), delay, factor)
        return sent, Transmission(tmst, frequency, round(power), factor, phy)

    def _next(self, downlink: _Downlink) -> None:
        now_ns = self._clock.now()
        while downlink.attempts:
            sent, transmission = downlink.attempts[0]
            gateway = self._gateways.get(sent.gateway)
            seconds = airtime(len(transmission.phy), sent.spreading_factor, crc=False)
            if gateway is None or not gateway.duty.allows(now_ns, sent.frequency, seconds):
                downlink.attempts.pop(0)
                continue
            token = self._token()
            self._downlinks[token] = downlink
            due_ns = now_ns + round(_ANSWER_S * NS)
            downlink.timer = self._clock.at(due_ns, partial(self._answered, token, "no answer"))
            self._send(Datagram(Kind.PULL_RESP, token, content=transmission.content()), gateway.address)
            return
        downlink.done(None)

    def _answered(self, token: int, error: str) -> None:
        downlink = self._downlinks.pop(token, None)
        if downlink is None:
            return
        if downlink.timer is not None:
            downlink.timer.cancel()
        sent, transmission = downlink.attempts.pop(0)
        if error != TxError.NONE:
            self._next(downlink)
            return
        seconds = airtime(len(transmission.phy), sent.spreading_factor, crc=False)
        self._gateways[sent.gateway].duty.take(self._clock.now(), sent.frequency, seconds)
        downlink.done(sent)

    def _token(self) -> int:
        token = self._random.getrandbits(16)
        return self._token() if token in self._downlinks else token

    def _send(self, datagram: Datagram, to: Address) -> None:
        if self._end is not None:
            self._end.send(datagram.encode(), to)
