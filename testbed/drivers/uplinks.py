"""What comes up from a LoRaWAN device: events of the network server, and the samples in uplinks."""

from __future__ import annotations

import math
from collections.abc import Callable

from testbed.bench.device import Device
from testbed.links import Direction
from testbed.links.messages import decode_message
from testbed.protocols.lorawan.events import Event, Uplink
from testbed.protocols.lorawan.plan import Plan, read_plan
from testbed.protocols.lorawan.servers import parse_event
from testbed.signals import Sample

from .decoder import Decoder, Publish, PublishBad

Tell = Callable[[str, str], None]
"""Called with the kind of an event and its text."""


class Uplinks:
    """Publishes what uplinks hold; `came` hears of each fPort, `tell` of what is missing or unknown."""

    def __init__(
        self,
        device: Device,
        plan: Plan,
        publish: Publish,
        publish_bad: PublishBad,
        *,
        came: Callable[[int], None] = lambda port: None,
        tell: Tell = lambda kind, text: None,
    ) -> None:
        self._device = device
        self._layouts = plan.uplinks
        self._publish = publish
        self._publish_bad = publish_bad
        self._came = came
        self._tell = tell
        self._counter = _FrameCounter()
        self._unknown_ports: set[int] = set()

    def received(self, time_ns: int, topic: str, payload: bytes) -> Event | None:
        """Take a message of the server; returns its event for whom else it concerns.

        What cannot be read is None: told, and if it was an uplink, the values are taken away.
        """
        try:
            event = parse_event(topic, payload)
        except ValueError as error:
            if topic.endswith("/up"):
                for port in self._layouts:
                    self.no_value(port, str(error), time_ns)
            else:
                self._tell("malformed", f"{self._device.name}: {topic}: {error}")
            return None
        if isinstance(event, Uplink):
            self._uplink(time_ns, event)
        return event

    def no_value(self, port: int, reason: str, time_ns: int = 0) -> None:
        """Publish that the signals of an fPort have no value; `time_ns` 0 when no bytes said so."""
        for field in self._layouts[port].fields:
            self._publish_bad(self._device.signals[field.signal], reason, time_ns)

    def _uplink(self, time_ns: int, uplink: Uplink) -> None:
        lost = self._counter.advance(uplink.dev_addr, uplink.f_cnt)
        if lost is None:
            return
        if lost:
            text = f"{self._device.name}: {lost} uplinks were lost before fCnt {uplink.f_cnt}"
            self._tell("uplinks_lost", text)
        layout = self._layouts.get(uplink.f_port)
        if layout is None:
            self._unknown_port(uplink.f_port)
            return
        self._came(uplink.f_port)
        try:
            values = layout.decode(uplink.data)
        except ValueError as error:
            self.no_value(uplink.f_port, str(error), time_ns)
            return
        for name, value in values.items():
            signal = self._device.signals[name]
            if math.isfinite(value):
                self._publish(Sample(signal.id, time_ns, value))
            else:
                self._publish_bad(signal, f"the device sent {value}", time_ns)

    def _unknown_port(self, port: int) -> None:
        # fPort 0 (or none) carries only MAC commands or a bare acknowledgement.
        if port and port not in self._unknown_ports:
            self._unknown_ports.add(port)
            known = ", ".join(str(each) for each in self._layouts)
            text = f"{self._device.name}: uplinks on fPort {port} are ignored; the profile knows {known}"
            self._tell("unknown_port", text)


class LorawanDecoder(Decoder):
    """Recorded messages to samples: an uplink says by itself what it holds."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish) -> None:
        super().__init__(publish, doubt)
        self._uplinks = Uplinks(device, read_plan(device.profile), self.publish, self.publish_bad)

    def frame(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Take what was received."""
        if direction is not Direction.RX:
            return
        try:
            topic, payload = decode_message(data)
        except ValueError:
            return  # nobody knows what it was
        self._uplinks.received(time_ns, topic, payload)


class _FrameCounter:
    """The device's uplink frame counter as the events show it; a new DevAddr begins a new count."""

    def __init__(self) -> None:
        self._dev_addr = ""
        self._last = -1

    def advance(self, dev_addr: str, f_cnt: int) -> int | None:
        """Return how many uplinks were lost before this one, None when it is the last one again."""
        known = dev_addr == self._dev_addr and self._last >= 0
        if known and f_cnt == self._last:
            return None
        lost = max(f_cnt - self._last - 1, 0) if known else 0
        self._dev_addr, self._last = dev_addr, f_cnt
        return lost
