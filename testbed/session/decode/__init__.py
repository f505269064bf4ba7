"""Turns a session's recorded frames into samples again, and compares these with the recorded ones."""

from .answer import answer
from .benches import bench_of
from .decoding import Decoding, DeviceDecoding, decode_session
from .difference import Difference
from .output import write_decoded

__all__ = [
    "Decoding",
    "DeviceDecoding",
    "Difference",
    "answer",
    "bench_of",
    "decode_session",
    "write_decoded",
]
