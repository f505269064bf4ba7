"""What a device publishes: messages to samples, for the driver and for recorded frames alike."""

from __future__ import annotations

from collections.abc import Callable

from testbed.bench.device import Device
from testbed.drivers.decoder import Decoder, Publish, PublishBad
from testbed.links import Direction
from testbed.links.messages import decode_message, is_retained
from testbed.protocols.mqtt import MqttPlan
from testbed.signals import Quality, Sample

KEPT = "kept by the broker, of unknown age"
"""Why the value of a retained message is uncertain."""


class Readings:
    """Publishes a sample for every signal in a message; `came` hears of each good one."""

    def __init__(
        self,
        device: Device,
        plan: MqttPlan,
        publish: Publish,
        publish_bad: PublishBad,
        came: Callable[[str, float], None] = lambda signal, value: None,
    ) -> None:
        self._signals = device.signals
        self._plan = plan
        self._publish = publish
        self._publish_bad = publish_bad
        self._came = came

    def received(self, time_ns: int, topic: str, payload: bytes, retained: bool = False) -> None:
        """Take a message; those of other topics say nothing."""
        for name, found in self._plan.read(topic, payload):
            signal = self._signals[name]
            if isinstance(found, ValueError):
                self._publish_bad(signal, f"{topic}: {found}", time_ns)
            elif retained:
                self._publish(Sample(signal.id, time_ns, found, Quality.UNCERTAIN, KEPT))
            else:
                self._publish(Sample(signal.id, time_ns, found))
                self._came(name, found)


class MqttDecoder(Decoder):
    """Recorded messages to samples: each says by itself what it holds."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish) -> None:
        super().__init__(publish, doubt)
        plan = MqttPlan.of(device.profile, device.wire, device.name)
        self._readings = Readings(device, plan, self.publish, self.publish_bad)

    def frame(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Take what was received."""
        if direction is not Direction.RX:
            return
        try:
            topic, payload = decode_message(data)
        except ValueError:
            return  # nobody knows what it was
        self._readings.received(time_ns, topic, payload, is_retained(data))
