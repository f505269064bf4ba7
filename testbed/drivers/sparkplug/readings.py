"""What an edge node publishes: messages to samples, for the driver and for recorded frames alike."""

from __future__ import annotations

from collections.abc import Callable

from testbed.bench.device import Device
from testbed.drivers.decoder import Decoder, Publish, PublishBad
from testbed.links import Direction
from testbed.links.messages import decode_message
from testbed.protocols.sparkplug import (
    Born,
    Died,
    Gap,
    Heard,
    Metric,
    NodeSession,
    SparkplugPlan,
    edge_address,
)
from testbed.protocols.sparkplug.node import News
from testbed.protocols.sparkplug.payload import number_of
from testbed.signals import Access, Quality, Sample

HISTORICAL = "historical: the node kept it while it was away"


class Readings:
    """Publishes a sample for every metric of one device; `news` hears of what else a message says."""

    def __init__(
        self,
        device: Device,
        publish: Publish,
        publish_bad: PublishBad,
        news: Callable[[News], None] = lambda news: None,
    ) -> None:
        self._device = device
        self._plan = SparkplugPlan.of(device.profile)
        self._own = edge_address(device.name, device.wire).device
        self._publish = publish
        self._publish_bad = publish_bad
        self._news = news
        self._session = NodeSession(edge_address(device.name, device.wire))

    def begin(self) -> None:
        """Begin anew, as with a new connection."""
        self._session.lose()

    def received(self, time_ns: int, topic: str, payload: bytes) -> None:
        """Take a message; raises ValueError for one that cannot be read."""
        for each in self._session.received(topic, payload):
            match each:
                case Heard(self._own, metrics):
                    for metric in metrics:
                        self._metric(time_ns, metric)
                    self._news(each)
                case Gap(reason):
                    self._nothing(time_ns, reason)
                    self._news(each)
                case Born(_) | Died(_):
                    self._news(each)

    def _metric(self, time_ns: int, metric: Metric) -> None:
        route = self._plan.readings.get(metric.name)
        if route is None:
            return
        signal = self._device.signals[route.signal]
        try:
            value = number_of(metric.value) * route.scale
        except ValueError as error:
            self._publish_bad(signal, f"{metric.name}: {error}", time_ns)
            return
        if metric.historical:
            self._publish(Sample(signal.id, time_ns, value, Quality.UNCERTAIN, HISTORICAL))
        else:
            self._publish(Sample(signal.id, time_ns, value))

    def _nothing(self, time_ns: int, reason: str) -> None:
        for signal in self._device.signals.values():
            if signal.access is not Access.WRITE:
                self._publish_bad(signal, reason, time_ns)


class SparkplugDecoder(Decoder):
    """Recorded messages to samples: births say by themselves what aliases mean."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish) -> None:
        super().__init__(publish, doubt)
        self._readings = Readings(device, self.publish, self.publish_bad)

    def frame(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Take what was received, and where a connection began."""
        if direction is Direction.OPEN:
            self._readings.begin()
        if direction is not Direction.RX:
            return
        try:
            self._readings.received(time_ns, *decode_message(data))
        except ValueError:
            return  # nobody knows what it was
