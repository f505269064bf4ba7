"""What a characteristic's value says: samples of the signals that live in it."""

from __future__ import annotations

from testbed.bench.device import Device
from testbed.drivers.decoder import Publish, PublishBad
from testbed.links.gatt_table import GattTable
from testbed.protocols.gatt import Characteristic, OfLink, characteristics, link_signals
from testbed.signals import Access, Sample, Signal


class Report:
    """One characteristic and the signals that are reported from it: all but those that are told."""

    def __init__(
        self, characteristic: Characteristic, device: Device, publish: Publish, publish_bad: PublishBad
    ) -> None:
        self.characteristic = characteristic
        signals = (device.signals[name] for name in characteristic.fields)
        self.signals = [signal for signal in signals if signal.access is not Access.WRITE]
        self._by_name = {signal.name: signal for signal in self.signals}
        self.notifies = any(signal.access is Access.NOTIFY for signal in self.signals)
        self._publish = publish
        self._publish_bad = publish_bad

    def arrived(self, time_ns: int, value: bytes) -> None:
        """Publish what a value says that was read or notified."""
        try:
            told = self.characteristic.told(value)
        except ValueError as error:
            self.refused(time_ns, str(error))
            return
        for index, (name, number) in enumerate(told):
            if (signal := self._by_name.get(name)) is not None:
                # What repeats, at the value's end, is told 1 ns apart, as times of a signal always rise.
                later = len(told) - 1 - index if name == told[-1][0] else 0
                self._tell(signal, time_ns - later, number)

    def _tell(self, signal: Signal, time_ns: int, number: float | None) -> None:
        if number is None:
            self._publish_bad(signal, "the device says that the value is not known", time_ns)
        else:
            self._publish(Sample(signal.id, time_ns, number))

    def refused(self, time_ns: int, reason: str) -> None:
        """Publish that there is no value, and why."""
        for signal in self.signals:
            self._publish_bad(signal, reason, time_ns)


class LinkReport:
    """The signals of the connection itself, told by the table with which it was opened."""

    def __init__(self, device: Device, publish: Publish, publish_bad: PublishBad) -> None:
        of_link = link_signals(device.profile)
        self._signals = [(device.signals[name], what) for name, what in of_link.items()]
        self._publish = publish
        self._publish_bad = publish_bad

    def opened(self, time_ns: int, table: GattTable) -> None:
        """Publish what an open connection says of itself."""
        known = {OfLink.RSSI: table.rssi, OfLink.MTU: table.mtu or None}
        for signal, what in self._signals:
            number = known[what]
            if number is None:
                self._publish_bad(signal, f"the Bluetooth stack does not say the {what}", time_ns)
            else:
                self._publish(Sample(signal.id, time_ns, float(number)))


def reports_of(device: Device, publish: Publish, publish_bad: PublishBad) -> list[Report]:
    """Return the characteristics of a device's profile; raises BenchFileError for wrong addresses."""
    return [Report(each, device, publish, publish_bad) for each in characteristics(device.profile)]
