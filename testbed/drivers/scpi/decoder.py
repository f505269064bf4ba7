"""Recorded lines of an instrument to samples: each answer belongs to the question before it."""

from __future__ import annotations

from testbed.bench.device import Device
from testbed.clock import NS
from testbed.drivers.decoder import Decoder, Publish
from testbed.links import Direction
from testbed.protocols.scpi import LineReader, ScpiSettings, check_scpi

from .pairing import Heard, Pairing
from .readings import Reading


class ScpiDecoder(Decoder):
    """Follows the conversation as both sides saw it."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish) -> None:
        super().__init__(publish, doubt)
        self._readings: dict[str, list[Reading]] = {}
        for name, address in check_scpi(device.profile).items():
            if address.query:
                reading = Reading(device.signals[name], address, self.publish, self.publish_bad)
                self._readings.setdefault(address.query, []).append(reading)
        # Half of the patience: a question is stamped when it is written, the driver's watch began before.
        self._certain_ns = round(device.profile.settings(ScpiSettings).timeout_seconds * NS / 2)
        self._opened()

    def _opened(self) -> None:
        self._reader = LineReader()
        self._pairing = Pairing()
        self._asked: list[Reading] = []
        self._asked_ns = 0

    def frame(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Take what was sent or received, or a mark."""
        if direction is Direction.RX:
            for line in self._reader.feed(data):
                if self._pairing.heard(line) is Heard.ANSWER:
                    # One query of several signals does not say for which of them it was asked.
                    self.doubt(len(self._asked) > 1 or time_ns - self._asked_ns > self._certain_ns)
                    for reading in self._asked:
                        reading.arrived(time_ns, line)
        elif direction is Direction.TX:
            message = data.decode("utf-8", "backslashreplace").removesuffix("\n")
            self._pairing.sent(message)
            self._asked = self._readings.get(message, [])
            self._asked_ns = time_ns
        elif direction is Direction.OPEN:
            self._opened()
