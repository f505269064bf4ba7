"""What polls ask for, and what their answers say: samples of the signals that a planned read holds."""

from __future__ import annotations

from testbed.bench.device import Device
from testbed.clock import NS
from testbed.drivers.decoder import Publish, PublishBad
from testbed.protocols.modbus import Layout, PlannedRead, complaint, is_answer, plan_reads
from testbed.signals import Access, Sample

_DEFAULT_PERIOD_NS = NS


def plan_polls(device: Device, layout: Layout) -> list[PlannedRead]:
    """Return the reads that the driver repeats; the first is also how it asks whether anybody is there."""
    periods = {
        name: signal.period_ns or _DEFAULT_PERIOD_NS
        for name, signal in device.signals.items()
        if signal.access is not Access.WRITE
    }
    # A device that is only told is asked for its first signal all the same: is it still there?
    first = next(iter(device.signals))
    return plan_reads(layout, periods) or plan_reads(layout, {first: _DEFAULT_PERIOD_NS})


class Readings:
    """Publishes the signals of one planned read, as of the time when the bytes came."""

    def __init__(self, device: Device, plan: PlannedRead, publish: Publish, publish_bad: PublishBad) -> None:
        signals = (device.signals[name] for name in plan.names)
        self.signals = [signal for signal in signals if signal.access is not Access.WRITE]
        self.transaction = plan.transaction
        self._ids = [signal.id for signal in self.signals]
        self._plan = plan
        self._unpack = plan.block.unpack
        self._publish = publish
        self._publish_bad = publish_bad

    def arrived(self, time_ns: int, pdu: bytes) -> None:
        """Take a response, or what came in its place."""
        if is_answer(self.transaction, pdu):
            self.done(time_ns, pdu)
        else:
            self.refused(time_ns, complaint(self.transaction, pdu))

    def done(self, time_ns: int, pdu: bytes) -> None:
        """Publish what the response that was hoped for holds."""
        if not self._ids:
            return
        publish = self._publish
        for position, value in enumerate(self._unpack(pdu, 2)):
            if value - value == 0.0:  # neither NaN nor infinite
                publish(Sample(self._ids[position], time_ns, value))
            else:
                reason = f"the device sent {value} in {self._plan}"
                self._publish_bad(self.signals[position], reason, time_ns)

    def refused(self, time_ns: int, reason: str) -> None:
        """Publish that there is no value, and why; `time_ns` 0 when no bytes said so."""
        for signal in self.signals:
            self._publish_bad(signal, f"reading {self._plan}: {reason}", time_ns)
