"""Turns a session's recorded frames into samples again, and compares these with the recorded ones."""

from .decoding import Decoding, DeviceDecoding, decode_session
from .difference import Difference

__all__ = ["Decoding", "DeviceDecoding", "Difference", "decode_session"]
