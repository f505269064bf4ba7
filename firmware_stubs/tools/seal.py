"""Seals a Cortex-M image: writes where it ends and its CRC-32 into two unused vectors, for the start-up code.

python seal.py IMAGE.bin
"""

import struct
import sys
import zlib
from pathlib import Path

SEAL_AT = 7 * 4
"""Vectors 7 and 8 of a Cortex-M3 are reserved (Armv7-M Architecture Reference Manual, B1.5.3)."""

SEALED_FROM = 0x40


def main(file: Path) -> None:
    """Seal an image in place."""
    image = bytearray(file.read_bytes())
    struct.pack_into("<II", image, SEAL_AT, len(image), zlib.crc32(image[SEALED_FROM:]))
    file.write_bytes(image)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
