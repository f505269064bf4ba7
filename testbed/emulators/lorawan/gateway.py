"""A gateway: what it hears goes to the network server as datagrams, what that sends goes on the air."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import partial

from testbed.clock import NS, Clock, Ticker
from testbed.emulators.places import Places
from testbed.links.datagrams import Address, DatagramEnd
from testbed.protocols.lorawan.airtime import EU868_CHANNELS, airtime
from testbed.protocols.lorawan.eu868 import band_of
from testbed.protocols.lorawan.semtech import TICKS, Datagram, Kind, Received, Transmission, TxError

from .air import Air, Reception, Signal, Spot

_KEEPALIVE_NS = 10 * NS  # between two PULL_DATA, as in Semtech's global_conf.json
_STATUS_NS = 30 * NS
_GRACE_NS = NS // 10
"""How late this process may hand a frame to the radio, whose own timing would be exact."""


class Gateway:
    """The radio and the packet forwarder of one gateway. As a plug it is its power supply."""

    hears_uplinks = True

    def __init__(
        self, name: str, eui: int, spot: Spot, air: Air, clock: Clock, chance: random.Random
    ) -> None:
        self.name = name
        self.eui = eui
        self.spot = spot
        self._air = air
        self._clock = clock
        self._random = chance
        self._offset = chance.getrandbits(32)  # of the concentrator's time
        self._end: DatagramEnd | None = None
        self._server: Address = ("", 0)
        self._tickers: list[Ticker] = []
        self._sending: list[tuple[int, int]] = []
        self._on = True
        self._count = {"rxnb": 0, "rxok": 0, "rxfw": 0, "dwnb": 0, "txnb": 0}
        air.join(self)

    async def start(self, places: Places, server: Address) -> None:
        """Begin to serve a network server."""
        self._server = server
        self._end = await places.datagrams(self._clock, self._received)
        self._tickers = [
            self._clock.every(_KEEPALIVE_NS, self._pull, phase_ns=_KEEPALIVE_NS),
            self._clock.every(_STATUS_NS, self._status, phase_ns=_STATUS_NS),
        ]
        self._pull()

    def stop(self) -> None:
        """Be silent."""
        for ticker in self._tickers:
            ticker.cancel()
        if self._end is not None:
            self._end.close()

    def plug(self) -> None:
        """Switch it on."""
        self._on = True
        self._pull()

    def unplug(self) -> None:
        """Switch it off."""
        self._on = False

    # The radio ----------------------------------------------------------------------------------

    def begins(self, signal: Signal) -> bool:
        """Return whether it can listen: it has eight channels, and is deaf while it sends."""
        return self._on and signal.frequency in EU868_CHANNELS

    def heard(self, signal: Signal, reception: Reception) -> None:
        """Forward a frame, unless it was sending meanwhile."""
        self._count["rxnb"] += 1
        if not self._on or any(
            signal.start_ns < end and start < signal.end_ns for start, end in self._sending
        ):
            return
        self._count["rxok"] += 1
        self._count["rxfw"] += 1
        received = Received(
            _iso(signal.end_ns),
            self._ticks(signal.end_ns),
            EU868_CHANNELS.index(signal.frequency),
            signal.frequency,
            signal.spreading_factor,
            reception.rssi,
            reception.snr,
            signal.phy,
        )
        self._push({"rxpk": [received.content()]})

    # The packet forwarder -------------------------------------------------------------------------

    def _received(self, data: bytes, sender: Address) -> None:
        if not self._on or sender != self._server:
            return
        try:
            datagram = Datagram.decode(data)
            if datagram.kind is Kind.PULL_RESP:
                self._count["dwnb"] += 1
                error = self._schedule(Transmission.of(datagram.content))
                answer = {"txpk_ack": {"error": str(error)}}
                self._send(Datagram(Kind.TX_ACK, datagram.token, self.eui, answer))
        except ValueError:
            return  # the protocol has no word for what it does not understand

    def _schedule(self, sent: Transmission) -> TxError:
        now_ns = self._clock.now()
        ahead = (sent.tmst - self._ticks(now_ns)) % TICKS
        ahead -= TICKS if ahead >= TICKS // 2 else 0  # in the past
        start_ns = now_ns + ahead * 1000
        end_ns = start_ns + round(airtime(len(sent.phy), sent.spreading_factor, crc=False) * NS)
        if ahead * 1000 < -_GRACE_NS:
            return TxError.TOO_LATE
        try:
            if sent.power > band_of(sent.frequency).eirp:
                return TxError.TX_POWER
        except ValueError:
            return TxError.TX_FREQ
        self._sending = [span for span in self._sending if span[1] > now_ns - 5 * NS]
        if any(start_ns < end and start < end_ns for start, end in self._sending):
            return TxError.COLLISION_PACKET
        self._sending.append((start_ns, end_ns))
        self._clock.at(start_ns, partial(self._transmit, sent, start_ns))
        return TxError.NONE

    def _transmit(self, sent: Transmission, start_ns: int) -> None:
        if self._on:
            self._count["txnb"] += 1
            self._air.transmit(
                self.spot, sent.phy, sent.frequency, sent.spreading_factor, sent.power,
                uplink=False, start_ns=start_ns,
            )  # fmt: skip

    def _pull(self) -> None:
        if self._on:
            self._send(Datagram(Kind.PULL_DATA, self._random.getrandbits(16), self.eui))

    def _status(self) -> None:
        if self._on:
            now = datetime.fromtimestamp(self._clock.now() // NS, UTC)
            time = now.strftime("%Y-%m-%d %H:%M:%S GMT")
            self._push({"stat": {"time": time, **self._count, "ackr": 100.0}})

    def _push(self, content: dict[str, object]) -> None:
        self._send(Datagram(Kind.PUSH_DATA, self._random.getrandbits(16), self.eui, content))

    def _send(self, datagram: Datagram) -> None:
        if self._end is not None:
            self._end.send(datagram.encode(), self._server)

    def _ticks(self, time_ns: int) -> int:
        return (time_ns // 1000 + self._offset) % TICKS


def _iso(time_ns: int) -> str:
    """Return UTC to the microsecond as the forwarder prints it."""
    whole, rest = divmod(time_ns, NS)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
