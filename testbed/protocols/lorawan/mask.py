"""Network servers' messages told apart by what they ask for: without ids and expiry."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

from testbed.protocols.mask import Asked, Heard, noise


class ChirpstackMask:
    """A downlink's id tells which events answer it; uplinks come unasked. Of one message each."""

    def request(self, topic: str, payload: bytes) -> Asked:
        """Return a downlink; the size is that of the payload."""
        held = _object(payload)
        if held is None:
            return noise(payload)
        tag = held.pop("id", None)
        held.pop("expiresAt", None)
        content = f"{topic} {json.dumps(held, sort_keys=True)}".encode()
        return Asked(len(payload), (topic, str(held.get("fPort"))), content, tag if _is_id(tag) else None)

    def answer(self, payload: bytes) -> Heard:
        """Return an event: it answers the downlink that it names."""
        held = _object(payload) or {}
        tag = held.get("queueItemId")
        if not _is_id(tag) and isinstance(context := held.get("context"), dict):
            tag = context.get("queue_item_id")  # of a log event
        return Heard(len(payload), tag if _is_id(tag) else None)

    def patched(self, payload: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return an event that names the downlink `asked` instead."""
        return payload.replace(json.dumps(recorded).encode(), json.dumps(asked).encode())


class ThingsStackMask:
    """A downlink's correlation id tells which events answer it; uplinks come unasked. Of one message each."""

    def request(self, topic: str, payload: bytes) -> Asked:
        """Return a downlink, or the clearing of the queue; the size is that of the payload."""
        held = _object(payload)
        if held is None or not isinstance(held.get("downlinks"), list):
            return noise(payload)
        items = [item for item in held["downlinks"] if isinstance(item, dict)]
        tags = [_correlation(item.pop("correlation_ids", None)) for item in items]
        port = str(items[0].get("f_port")) if items else ""
        content = f"{topic} {json.dumps(held, sort_keys=True)}".encode()
        return Asked(len(payload), (topic, port), content, tags[0] if len(tags) == 1 else None)

    def answer(self, payload: bytes) -> Heard:
        """Return an event: it answers the downlink whose correlation id it has."""
        held = _object(payload) or {}
        for key, event in held.items():
            if key.startswith("downlink_") and isinstance(event, dict):
                downlink = event.get("downlink", event)  # of a failure
                if isinstance(downlink, dict):
                    return Heard(len(payload), _correlation(downlink.get("correlation_ids")))
        return Heard(len(payload))

    def patched(self, payload: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return an event about the downlink `asked` instead."""
        return payload.replace(json.dumps(recorded).encode(), json.dumps(asked).encode())


def _correlation(ids: object) -> str | None:
    texts = [each for each in ids if _is_id(each)] if isinstance(ids, list) else []
    ours = [each for each in texts if each.startswith("testbed:")]
    return next(iter(ours or texts), None)


def _is_id(tag: object) -> bool:
    return isinstance(tag, str) and bool(tag)


def _object(payload: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a message holds."""
    try:
        held = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None
