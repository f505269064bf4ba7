"""Lines of delimited text that a device sends unasked: NMEA 0183 with its checksum, or plain fields."""

from .address import TextProfile
from .lines import BadLine, Line, LineReader, encode_line

__all__ = ["BadLine", "Line", "LineReader", "TextProfile", "encode_line"]
