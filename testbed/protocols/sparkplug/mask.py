"""Sparkplug messages told apart by what they ask for: without their times."""

from __future__ import annotations

from collections.abc import Hashable

from testbed.protocols.mask import Asked, Heard, noise

from .payload import decode_payload
from .topics import NAMESPACE, parse_topic


class SparkplugMask:
    """Commands ask; everything that comes, comes by itself."""

    def request(self, topic: str, payload: bytes) -> Asked:
        """Return a command, or what a host says of itself; the size is that of the payload."""
        if topic.startswith(f"{NAMESPACE}/STATE/"):
            online = b"true" in payload  # beside it there is only a time
            return Asked(len(payload), (topic, ""), f"{topic} {online}".encode())
        try:
            parse_topic(topic)
            metrics = [(each.name, each.value) for each in decode_payload(payload).metrics]
        except ValueError:
            return noise(payload)
        place = (topic, tuple(name for name, _ in metrics))
        return Asked(len(payload), place, f"{topic} {metrics!r}".encode())

    def answer(self, topic: str, payload: bytes) -> Heard:
        """Return what a node sent."""
        return Heard(len(payload))

    def patched(self, payload: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return it as it is."""
        return payload
