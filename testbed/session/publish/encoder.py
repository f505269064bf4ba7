"""Samples to packets."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from testbed.bench import Bench, MqttStore
from testbed.protocols.mqtt.packets import head_of, publish
from testbed.signals import Quality, Sample


class Encoder:
    """Makes the packets of a batch of samples, one for each, or one for each device and time."""

    def __init__(self, bench: Bench, store: MqttStore) -> None:
        self._by_device = store.by_device
        self._json = store.payload == "json"
        self._retain = store.retain
        self._heads = [
            head_of(store.topic_of(bench.name, signal.device, signal.name)) for signal in bench.signals
        ]
        self._keys = [json.dumps(signal.name) for signal in bench.signals]

    def encode(self, samples: Sequence[Sample]) -> bytes:
        """Return the packets, in the order of the samples."""
        if self._by_device:
            return b"".join(self._messages(samples))
        heads, retain = self._heads, self._retain
        if not self._json:  # a value by itself has no word for "none"
            return b"".join(
                publish(heads[each.signal], repr(each.value).encode(), retain)
                for each in samples
                if each.value == each.value
            )
        return b"".join(publish(heads[each.signal], _object(each), retain) for each in samples)

    def _messages(self, samples: Sequence[Sample]) -> list[bytes]:
        """Put together what came at one time from one device (whose signals have one head)."""
        found: list[bytes] = []
        head, time_ns, members = b"", 0, [""]
        for each in samples:
            if each.time_ns != time_ns or self._heads[each.signal] != head:
                if head:
                    found.append(self._message(head, members))
                head, time_ns, members = self._heads[each.signal], each.time_ns, [f'"time_ns":{each.time_ns}']
            value = "null" if each.value != each.value else repr(each.value)
            members.append(f"{self._keys[each.signal]}:{value}")
        if head:
            found.append(self._message(head, members))
        return found

    def _message(self, head: bytes, members: list[str]) -> bytes:
        return publish(head, ("{" + ",".join(members) + "}").encode(), self._retain)


def _object(sample: Sample) -> bytes:
    if sample.quality is Quality.GOOD and math.isfinite(sample.value):
        return f'{{"value":{sample.value!r},"time_ns":{sample.time_ns},"quality":"good"}}'.encode()
    told = {
        "value": sample.value if math.isfinite(sample.value) else None,
        "time_ns": sample.time_ns,
        "quality": sample.quality.word,
        "reason": sample.reason,
    }
    return json.dumps(told, separators=(",", ":")).encode()
