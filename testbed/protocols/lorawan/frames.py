"""What is on the air: data frames, join requests and join accepts, to bytes and back.

Source: LoRaWAN L2 1.0.4, sections 4 and 6.2. Numbers go low byte first; EUIs, addresses and nonces are
numbers here.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from enum import IntEnum

from .crypto import KEY_SIZE, MIC_SIZE, SessionKeys, cmac, crypt_payload, data_mic, decrypt, encrypt

_MIN_DATA = 12  # MHDR, DevAddr, FCtrl, FCnt, MIC
_ADR, _ADR_ACK_REQ, _ACK, _PENDING = 0x80, 0x40, 0x20, 0x10


class MType(IntEnum):
    """The kinds of frames."""

    JOIN_REQUEST = 0
    JOIN_ACCEPT = 1
    UNCONFIRMED_UP = 2
    UNCONFIRMED_DOWN = 3
    CONFIRMED_UP = 4
    CONFIRMED_DOWN = 5


@dataclass(frozen=True)
class DataFrame:
    """A data frame in the clear. `f_cnt` has 32 bits, of which the air carries 16.

    `f_port` None: no payload at all; 0: `payload` holds MAC commands. `f_opts` are MAC commands, at most
    15 bytes. `adr_ack_req` is of uplinks alone, `pending` of downlinks.
    """

    uplink: bool
    dev_addr: int
    f_cnt: int
    f_port: int | None = None
    payload: bytes = b""
    confirmed: bool = False
    ack: bool = False
    adr: bool = False
    adr_ack_req: bool = False
    pending: bool = False
    f_opts: bytes = b""

    def encode(self, keys: SessionKeys) -> bytes:
        """Return the bytes on the air; raises ValueError for what no frame can hold."""
        if len(self.f_opts) > 15:
            raise ValueError(f"FOpts hold 15 bytes of MAC commands, not {len(self.f_opts)}")
        if self.f_port == 0 and self.f_opts:
            raise ValueError("MAC commands are in FOpts or on fPort 0, not in both")
        if self.f_port is None and self.payload:
            raise ValueError("a payload needs an fPort")
        message = bytes((self._m_type << 5,)) + struct.pack(
            "<IBH", self.dev_addr, self._f_ctrl | len(self.f_opts), self.f_cnt & 0xFFFF
        )
        message += self.f_opts
        if self.f_port is not None:
            key = keys.nwk_s_key if self.f_port == 0 else keys.app_s_key
            secret = crypt_payload(key, self.dev_addr, self.f_cnt, self.payload, uplink=self.uplink)
            message += bytes((self.f_port,)) + secret
        return message + data_mic(keys.nwk_s_key, self.dev_addr, self.f_cnt, message, uplink=self.uplink)

    @property
    def _m_type(self) -> MType:
        if self.uplink:
            return MType.CONFIRMED_UP if self.confirmed else MType.UNCONFIRMED_UP
        return MType.CONFIRMED_DOWN if self.confirmed else MType.UNCONFIRMED_DOWN

    @property
    def _f_ctrl(self) -> int:
        flags = (self.adr and _ADR) | (self.ack and _ACK)
        return flags | (self.adr_ack_req and _ADR_ACK_REQ if self.uplink else self.pending and _PENDING)


def m_type(phy: bytes) -> MType:
    """Return what kind of frame it is; raises ValueError for one of no kind that we know."""
    kind = phy[0] >> 5 if phy else 7
    if kind > MType.CONFIRMED_DOWN or phy[0] & 3:
        raise ValueError(f"no frame of LoRaWAN 1.0: {phy[:24].hex(' ') or 'no bytes'}")
    return MType(kind)


def address_of(phy: bytes) -> tuple[int, int]:
    """Return (DevAddr, the lower 16 bits of FCnt) of a data frame; raises ValueError for any other."""
    if m_type(phy) < MType.UNCONFIRMED_UP or len(phy) < _MIN_DATA:
        raise ValueError(f"no data frame of LoRaWAN: {phy[:24].hex(' ')}")
    address, _, f_cnt = struct.unpack_from("<IBH", phy, 1)
    return address, f_cnt


def decode_data(phy: bytes, keys: SessionKeys, f_cnt: int) -> DataFrame:
    """Return a data frame in the clear, given all 32 bits of its counter.

    Raises ValueError when it is none, or is not of this session and counter (a wrong MIC).
    """
    dev_addr, low = address_of(phy)
    kind, control = m_type(phy), phy[5]
    uplink = kind in (MType.UNCONFIRMED_UP, MType.CONFIRMED_UP)
    message, mic = phy[:-MIC_SIZE], phy[-MIC_SIZE:]
    expected = data_mic(keys.nwk_s_key, dev_addr, f_cnt, message, uplink=uplink)
    if low != f_cnt & 0xFFFF or not hmac.compare_digest(mic, expected):
        raise ValueError(
            f"frame {f_cnt} of {dev_addr:08x}: the MIC is {mic.hex()}, expected {expected.hex()}"
        )
    options_end = 8 + (control & 0x0F)
    if options_end > len(message):
        raise ValueError(f"frame {f_cnt} of {dev_addr:08x}: FOpts go beyond its end")
    f_port, payload = None, b""
    if options_end < len(message):
        f_port = message[options_end]
        key = keys.nwk_s_key if f_port == 0 else keys.app_s_key
        payload = crypt_payload(key, dev_addr, f_cnt, message[options_end + 1 :], uplink=uplink)
    return DataFrame(
        uplink, dev_addr, f_cnt, f_port, payload,
        confirmed=kind in (MType.CONFIRMED_UP, MType.CONFIRMED_DOWN),
        ack=bool(control & _ACK), adr=bool(control & _ADR),
        adr_ack_req=uplink and bool(control & _ADR_ACK_REQ),
        pending=not uplink and bool(control & _PENDING),
        f_opts=message[8:options_end],
    )  # fmt: skip


@dataclass(frozen=True)
class JoinRequest:
    """A device asks to join. `dev_nonce` counts its requests (1.0.4: it never repeats)."""

    join_eui: int
    dev_eui: int
    dev_nonce: int

    def encode(self, app_key: bytes) -> bytes:
        """Return the bytes on the air."""
        message = bytes((MType.JOIN_REQUEST << 5,)) + struct.pack(
            "<QQH", self.join_eui, self.dev_eui, self.dev_nonce
        )
        return message + cmac(app_key, message)[:MIC_SIZE]

    @classmethod
    def read(cls, phy: bytes) -> JoinRequest:
        """Return a request, unproven: its MIC needs the device's key; raises ValueError when it is none."""
        if m_type(phy) is not MType.JOIN_REQUEST or len(phy) != 23:
            raise ValueError(f"no join request: {phy.hex(' ')}")
        return cls(*struct.unpack_from("<QQH", phy, 1))

    @classmethod
    def decode(cls, phy: bytes, app_key: bytes) -> JoinRequest:
        """Return a request; raises ValueError when it is none, or is not of this key."""
        request = cls.read(phy)
        _check_join_mic(phy, app_key)
        return request


@dataclass(frozen=True)
class JoinAccept:
    """The network lets a device in. Delays are in seconds, `cf_list` is empty or 16 bytes."""

    join_nonce: int
    net_id: int
    dev_addr: int
    rx1_offset: int = 0
    rx2_data_rate: int = 0
    rx_delay: int = 1
    cf_list: bytes = b""

    def encode(self, app_key: bytes) -> bytes:
        """Return the bytes on the air, encrypted."""
        settings = self.rx1_offset << 4 | self.rx2_data_rate
        head = bytes((MType.JOIN_ACCEPT << 5,))
        body = self.join_nonce.to_bytes(3, "little") + self.net_id.to_bytes(3, "little")
        body += struct.pack("<IBB", self.dev_addr, settings, self.rx_delay) + self.cf_list
        # The network decrypts, so that a device needs no more than to encrypt (section 6.2.5).
        return head + decrypt(app_key, body + cmac(app_key, head + body)[:MIC_SIZE])

    @classmethod
    def decode(cls, phy: bytes, app_key: bytes) -> JoinAccept:
        """Return an accept; raises ValueError when it is none, or is not of this key."""
        if m_type(phy) is not MType.JOIN_ACCEPT or len(phy) not in (1 + KEY_SIZE, 1 + 2 * KEY_SIZE):
            raise ValueError(f"no join accept: {phy.hex(' ')}")
        clear = phy[:1] + encrypt(app_key, phy[1:])
        _check_join_mic(clear, app_key)
        address, settings, delay = struct.unpack_from("<IBB", clear, 7)
        nonce, net_id = (int.from_bytes(clear[at : at + 3], "little") for at in (1, 4))
        return cls(nonce, net_id, address, settings >> 4 & 7, settings & 15, delay & 15 or 1, clear[13:-4])


def _check_join_mic(clear: bytes, app_key: bytes) -> None:
    expected = cmac(app_key, clear[:-MIC_SIZE])[:MIC_SIZE]
    if not hmac.compare_digest(clear[-MIC_SIZE:], expected):
        raise ValueError(f"a join of another key: the MIC is {clear[-MIC_SIZE:].hex()}")
