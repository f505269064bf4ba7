"""Recorded bytes of a port to samples: telemetry says by itself what it is."""

from __future__ import annotations

from testbed.bench.device import Device
from testbed.drivers.decoder import Decoder, Publish
from testbed.links import Direction
from testbed.protocols.cobs import CobsProfile

from .stream import DeviceStream


class CobsDecoder(Decoder):
    """Reads what came from the device; commands and their answers hold no samples."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish) -> None:
        super().__init__(publish, doubt)
        self._stream = DeviceStream(CobsProfile.of(device.profile), device.signals, publish)

    def frame(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Take what was received, or a mark."""
        if direction is Direction.RX:
            self._stream.received(time_ns, data)
        elif direction is Direction.OPEN:
            self._stream.begin()
