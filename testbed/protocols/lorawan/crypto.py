"""The ciphers of LoRaWAN 1.0.4: integrity codes, payload encryption, session keys.

Sources: LoRaWAN L2 1.0.4, sections 4.3.3 (payload), 4.4 (MIC), 6.2.5 (join); RFC 4493 (AES-CMAC).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

KEY_SIZE = 16
MIC_SIZE = 4
_BLOCK = 16
_UP, _DOWN = 0, 1


@dataclass(frozen=True)
class SessionKeys:
    """The keys of one session, 16 bytes each: the network's and the application's."""

    nwk_s_key: bytes
    app_s_key: bytes


def data_mic(key: bytes, dev_addr: int, f_cnt: int, message: bytes, *, uplink: bool) -> bytes:
    """Return the integrity code of a data frame; `message` is all before it, `f_cnt` has 32 bits."""
    head = b"\x49\0\0\0\0" + _place(dev_addr, f_cnt, uplink) + bytes((0, len(message)))
    return cmac(key, head + message)[:MIC_SIZE]


def crypt_payload(key: bytes, dev_addr: int, f_cnt: int, payload: bytes, *, uplink: bool) -> bytes:
    """Encrypt the payload of a data frame, or decrypt it: both are the same; `f_cnt` has 32 bits."""
    count = -(-len(payload) // _BLOCK)
    place = _place(dev_addr, f_cnt, uplink)
    blocks = b"".join(b"\x01\0\0\0\0" + place + bytes((0, number)) for number in range(1, count + 1))
    stream = encrypt(key, blocks)[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(stream)).to_bytes(len(payload))


def session_keys(app_key: bytes, join_nonce: int, net_id: int, dev_nonce: int) -> SessionKeys:
    """Return the keys that a join gives."""
    seed = join_nonce.to_bytes(3, "little") + net_id.to_bytes(3, "little") + dev_nonce.to_bytes(2, "little")
    nwk, app = (encrypt(app_key, (bytes((kind,)) + seed).ljust(_BLOCK, b"\0")) for kind in (1, 2))
    return SessionKeys(nwk, app)


def cmac(key: bytes, message: bytes) -> bytes:
    """Return the AES-CMAC of a message, 16 bytes."""
    from cryptography.hazmat.primitives.cmac import CMAC

    code = CMAC(_aes(key))
    code.update(message)
    return code.finalize()


def encrypt(key: bytes, blocks: bytes) -> bytes:
    """Return AES-128 of whole blocks, each by itself."""
    return bytes(_cipher(key).encryptor().update(blocks))


def decrypt(key: bytes, blocks: bytes) -> bytes:
    """Return whole blocks as they were before `encrypt`."""
    return bytes(_cipher(key).decryptor().update(blocks))


def _place(dev_addr: int, f_cnt: int, uplink: bool) -> bytes:
    """Return direction, address and counter, which make every block another one."""
    direction = _UP if uplink else _DOWN
    return bytes((direction,)) + dev_addr.to_bytes(4, "little") + f_cnt.to_bytes(4, "little")


@functools.lru_cache(64)
def _aes(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.algorithms import AES

    if len(key) != KEY_SIZE:
        raise ValueError(f"a key of LoRaWAN has {KEY_SIZE} bytes, not {len(key)}")
    return AES(key)


@functools.lru_cache(64)
def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    return Cipher(_aes(key), modes.ECB())  # noqa: S305  (the blocks of the specification, never repeated)
