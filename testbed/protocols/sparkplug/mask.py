"""Sparkplug messages told apart by what they ask for: without their times."""

from __future__ import annotations

from collections.abc import Hashable

from testbed.protocols.mask import Asked, Heard, noise

from .node import REBIRTH
from .payload import decode_payload
from .topics import NAMESPACE, parse_topic

_BIRTHS = "births"


class SparkplugMask:
    """A host that asks for births gets them, and all that follows: it means nothing without them."""

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
        tag = _BIRTHS if any(name == REBIRTH for name, _ in metrics) else None
        return Asked(len(payload), place, f"{topic} {metrics!r}".encode(), tag)

    def answer(self, topic: str, payload: bytes) -> Heard:
        """Return what a node sent."""
        return Heard(len(payload), _BIRTHS)

    def patched(self, payload: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return it as it is."""
        return payload
