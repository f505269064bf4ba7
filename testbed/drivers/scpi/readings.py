"""What the answer to a query says: a sample of its signal."""

from __future__ import annotations

import math

from testbed.drivers.decoder import Publish, PublishBad
from testbed.protocols.scpi import Line, ScpiAddress, parse_number, shown
from testbed.signals import Sample, Signal


class Reading:
    """Publishes one signal from the answers to its query, as of the time when they came."""

    def __init__(
        self, signal: Signal, address: ScpiAddress, publish: Publish, publish_bad: PublishBad
    ) -> None:
        self.signal = signal
        self.query = address.query or ""
        self._block = address.block
        self._publish = publish
        self._publish_bad = publish_bad

    def arrived(self, time_ns: int, line: Line) -> bool:
        """Publish what a line says; returns False when it cannot be an answer to this query."""
        try:
            if line.defect:
                raise ValueError(f"{line.defect} came")
            value = self._value(line)
        except ValueError as error:
            self.bad(str(error), time_ns)
            return False
        if math.isfinite(value):
            self._publish(Sample(self.signal.id, time_ns, value))
        elif math.isnan(value):
            self.bad("the instrument has no value (9.91E37)", time_ns)
        else:
            self.bad("overload (9.9E37)", time_ns)
        return True

    def _value(self, line: Line) -> float:
        if self._block is None:
            return parse_number(line.text)
        if line.block is None:
            raise ValueError(f"{shown(line.text)} came in place of a block")
        return self._block.value(line.block)

    def bad(self, reason: str, time_ns: int = 0) -> None:
        """Publish that there is no value, and why; `time_ns` 0 when no bytes said so."""
        self._publish_bad(self.signal, f"{self.query}: {reason}", time_ns)
