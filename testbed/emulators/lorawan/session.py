"""The network server's side of one device: its session, its queue, and what an uplink sets off.

It does what ChirpStack v4 does in uplink/data.rs (`up`, then `ack`) and downlink/data.rs (the queue:
an unanswered confirmed item is given up at the next uplink, expired and oversized items are logged); The
Things Stack differs in that it tries a confirmed item again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from testbed.bench.radio import NodeSpec
from testbed.clock import NS, Clock, Timer
from testbed.protocols.lorawan.adr import AdrEngine, RadioSettings
from testbed.protocols.lorawan.crypto import session_keys
from testbed.protocols.lorawan.eu868 import JOIN_DELAY, MAX_MAC_PAYLOAD, REQUIRED_SNR
from testbed.protocols.lorawan.events import Downlink
from testbed.protocols.lorawan.frames import DataFrame, JoinAccept, JoinRequest, address_of, decode_data
from testbed.protocols.lorawan.mac import (
    Cid,
    LinkAdrAns,
    LinkAdrReq,
    LinkCheckAns,
    MacCommand,
    join_commands,
    split_commands,
)
from testbed.protocols.lorawan.plan import Plan

from .identity import NET_ID, Identity, Session
from .server import DEDUPLICATION, Done
from .settings import ALL_CHANNELS
from .telling import Copy, Heard, Item, Sent, Teller, Told

_DOWNLINK_DELAY = 0.1
"""Seconds from an uplink's event to the choice of its downlink, as in ChirpStack."""

Send = Callable[[bytes, Sequence[Copy], float, bool, Done], None]
"""Called with a frame, the copies of the uplink before it, the delay (s), whether a second window follows."""


def deduplication_wait(plan: Plan) -> float:
    """Return for how many seconds copies of a device's uplinks may be waited for."""
    return min(DEDUPLICATION, plan.rx1_delay / 4)


_ROUND = 1 << 16
_REPETITION = (
    "UPLINK_F_CNT_RETRANSMISSION",
    "Uplink was flagged as re-transmission / frame-counter did not increment",
)
_REPLAY = ("UPLINK_F_CNT_RESET", "Frame-counter reset or rollover detected")


@dataclass
class _Reply:
    """What is to go down after an uplink, beside what waits in the queue."""

    heard: Heard
    ack: bool
    commands: list[MacCommand] = field(default_factory=list)


class DeviceSession:
    """Hears one device, publishes its events and sends it one queued downlink after an uplink."""

    def __init__(
        self,
        plan: Plan,
        spec: NodeSpec,
        identity: Identity,
        teller: Teller,
        clock: Clock,
        publish: Callable[[Told], None],
        send: Send,
        new_address: Callable[[], int],
    ) -> None:
        self.identity = identity
        self.session: Session | None = None
        self._plan = plan
        self._teller = teller
        self._clock = clock
        self._publish = publish
        self._send = send
        self._new_address = new_address
        self._second = min(plan.periods.values(), default=10.0) > plan.rx1_delay + 1.5
        self._queue: deque[Item] = deque()
        self._pending: Item | None = None
        self._timer: Timer | None = None
        self._dev_nonce = 0
        self._join_nonce = 0
        self._adr = AdrEngine()
        self._radio = RadioSettings(plan.data_rate)
        self._asked: RadioSettings | None = None
        self._refused: set[RadioSettings] = set()
        if spec.activation == "abp":
            self.session = Session(identity.dev_addr, identity.keys)

    def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()

    def enqueue(self, downlink: Downlink) -> None:
        """Add a downlink to the queue."""
        item = Item(msgspec.structs.replace(downlink, id=downlink.id or self._teller.new_id()))
        self._queue.append(item)
        self._publish(self._teller.queued(item))

    def replace(self, downlinks: Sequence[Downlink]) -> None:
        """Put others in the place of all that waits."""
        self._queue.clear()
        self._pending = None
        for downlink in downlinks:
            self.enqueue(downlink)

    # Joining --------------------------------------------------------------------------------------

    def join(self, phy: bytes, copies: tuple[Copy, ...]) -> None:
        """Take a join request of this device; one that came before is refused."""
        request = JoinRequest.decode(phy, self.identity.app_key)
        if request.dev_nonce <= self._dev_nonce:
            raise ValueError(f"join request {request.dev_nonce} of {request.dev_eui:016x} came before")
        self._dev_nonce = request.dev_nonce
        self._join_nonce += 1
        address, nonce, key = self._new_address(), self._join_nonce, self.identity.app_key
        accept = JoinAccept(nonce, NET_ID, address, rx_delay=max(1, round(self._plan.rx1_delay)))
        self.session = Session(address, session_keys(key, nonce, NET_ID, request.dev_nonce))
        self._pending, self._adr, self._radio = None, AdrEngine(), RadioSettings(self._plan.data_rate)
        self._refused.clear()
        self._publish(self._teller.joined(address, self._teller.new_id()))
        self._send(accept.encode(key), copies, JOIN_DELAY, True, lambda sent: None)

    # Uplinks --------------------------------------------------------------------------------------

    def heard(self, phy: bytes, copies: tuple[Copy, ...]) -> None:
        """Take a data frame: publish it, settle the pending downlink, and think of the next.

        Raises ValueError when it is not of this session.
        """
        session = self.session
        if session is None:
            raise ValueError("a device that has not joined")
        frame = self._opened(session, phy)
        heard = Heard(frame, copies, self._teller.new_id())
        reply = _Reply(heard, frame.confirmed)
        if frame.f_cnt <= session.received.last:
            self._refuse(reply, again=frame.f_cnt == session.received.last)
            return
        session.received.take(frame.f_cnt)
        self._obey(reply)
        self._publish(self._teller.up(heard))
        self._settle(heard)
        if frame.adr:
            self._adapt(reply)
        self._think_of(reply)

    def _opened(self, session: Session, phy: bytes) -> DataFrame:
        """Return a frame in the clear: a new one, or one that came before (by its counter)."""
        _, low = address_of(phy)
        number = session.received.next(low)
        try:
            return decode_data(phy, session.keys, number)
        except ValueError:
            if number < _ROUND:
                raise
            return decode_data(phy, session.keys, number - _ROUND)

    def _refuse(self, reply: _Reply, *, again: bool) -> None:
        """Take nothing from a frame that came before; one sent again is acknowledged again."""
        code, text = _REPETITION if again else _REPLAY
        self._publish(self._teller.refused(code, text, reply.heard.deduplication_id))
        if again and reply.ack:
            self._think_of(reply)

    def _settle(self, heard: Heard) -> None:
        item, self._pending = self._pending, None
        if item is None:
            return
        self._publish(self._teller.acknowledged(item, heard, heard.frame.ack))
        if not heard.frame.ack and item.tries < self._teller.tries:
            self._queue.appendleft(item)

    def _obey(self, reply: _Reply) -> None:
        frame = reply.heard.frame
        data = frame.f_opts or (frame.payload if frame.f_port == 0 else b"")
        try:
            commands = split_commands(data, uplink=True)
        except ValueError:
            return
        for command in commands:
            if command.cid is Cid.LINK_CHECK:
                best = reply.heard.best
                margin = round(best.snr - REQUIRED_SNR[best.spreading_factor])
                reply.commands.append(LinkCheckAns(margin, len(reply.heard.copies)).command())
            elif command.cid is Cid.LINK_ADR and self._asked is not None:
                if LinkAdrAns.of(command).accepted:
                    self._radio = self._asked
                else:
                    self._refused.add(self._asked)
                self._asked = None

    def _adapt(self, reply: _Reply) -> None:
        heard, best = reply.heard, reply.heard.best
        self._adr.heard(heard.frame.f_cnt, best.snr, self._radio.tx_power)
        # What it really sends with: a device that was not answered has gone back by itself.
        self._radio = self._radio._replace(data_rate=12 - best.spreading_factor)
        wanted = self._adr.settings(self._radio)
        if wanted != self._radio and wanted not in self._refused:
            self._asked = wanted
            request = LinkAdrReq(wanted.data_rate, wanted.tx_power, ALL_CHANNELS, 0, wanted.nb_trans)
            reply.commands.append(request.command())
        elif heard.frame.adr_ack_req:
            reply.ack = True  # any downlink will do

    # Downlinks ------------------------------------------------------------------------------------

    def _think_of(self, reply: _Reply) -> None:
        delay = min(_DOWNLINK_DELAY, self._plan.rx1_delay / 4)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.at(self._clock.now() + round(delay * NS), partial(self._answer, reply))

    def _answer(self, reply: _Reply) -> None:
        session = self.session
        if session is None:
            return
        item = self._next_item(reply.heard.best.spreading_factor)
        if item is None and not reply.ack and not reply.commands:
            return
        commands = join_commands(reply.commands)
        down = item.downlink if item is not None else None
        frame = DataFrame(
            False, session.dev_addr, session.sent,
            down.f_port if down else None, down.data if down else b"",
            confirmed=bool(down and down.confirmed),
            ack=reply.heard.frame.confirmed, adr=True, pending=bool(self._queue),
            f_opts=commands if self._fits(reply, down, len(commands)) else b"",
        )  # fmt: skip
        if item is not None:
            item.f_cnt = session.sent
            item.tries += 1
        session.sent += 1
        self._send(
            frame.encode(session.keys), reply.heard.copies, self._plan.rx1_delay, self._second,
            partial(self._sent, item),
        )  # fmt: skip

    def _sent(self, item: Item | None, sent: Sent | None) -> None:
        if item is None:
            return
        if sent is None:
            self._publish(self._teller.not_sent(item))
            return
        if item.downlink.confirmed:
            self._pending = item
        self._publish(self._teller.sent(item, sent))

    def _next_item(self, factor: int) -> Item | None:
        limit = MAX_MAC_PAYLOAD[factor] - 8
        while self._queue:
            item = self._queue.popleft()
            down = item.downlink
            if down.expires_ns and down.expires_ns < self._clock.now():
                self._publish(self._teller.expired(item))
            elif len(down.data) > limit:
                self._publish(self._teller.too_long(item, limit))
            else:
                return item
        return None

    def _fits(self, reply: _Reply, down: Downlink | None, commands: int) -> bool:
        size = 8 + commands + (len(down.data) if down else 0)
        return size <= MAX_MAC_PAYLOAD[reply.heard.best.spreading_factor]
