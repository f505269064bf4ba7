"""What the messages of a network server about a device, and those to it, say."""

from __future__ import annotations

from testbed.bench.profile import Profile
from testbed.protocols.meaning import Fields, Meaning, not_understood, told

from .events import Ack, Downlink, Event, LogEntry, Status, TxAck, Uplink
from .plan import read_plan
from .servers import parse_downlinks, parse_event


class LorawanDescriber:
    """Names the payloads' fields by the profile."""

    def __init__(self, profile: Profile | None = None) -> None:
        self._plan = read_plan(profile) if profile else None
        self._up = self._plan.uplinks if self._plan else {}
        self._ports = {each.f_port for each in self._plan.downlinks.values()} if self._plan else set()
        self._units = {name: spec.unit for name, spec in profile.signals.items()} if profile else {}

    def describe(self, to_device: bool, topic: str, payload: bytes) -> Meaning:
        """Return the meaning of one message; `start` and `end` are those of the payload."""
        try:
            if to_device:
                return self._downlink(topic, payload)
            event = parse_event(topic, payload)
            if event is None:
                kind = topic.rpartition("/")[2]
                return Meaning(0, len(payload), f"event {kind}, which says nothing about signals")
            return self._event(event, len(payload))
        except ValueError as error:
            return not_understood(0, payload, len(payload), str(error))

    def _downlink(self, topic: str, payload: bytes) -> Meaning:
        downlinks = parse_downlinks(topic, payload)
        if len(downlinks) == 1:
            return self._one_downlink(downlinks[0], payload)
        text = f"{len(downlinks)} downlinks in place of those that wait" if downlinks else "forget what waits"
        return Meaning(0, len(payload), text)

    def _one_downlink(self, downlink: Downlink, payload: bytes) -> Meaning:
        fields: Fields = {"fPort": downlink.f_port, "id": downlink.id, "data": downlink.data.hex(" ")}
        confirmed = "confirmed " if downlink.confirmed else ""
        head = f"{confirmed}downlink on fPort {downlink.f_port}"
        if self._plan is None or downlink.f_port not in self._ports:
            return Meaning(0, len(payload), f"{head}: {fields['data'] or 'nothing'}", fields)
        values = self._plan.commanded(downlink.f_port, downlink.data)
        text = f"{head}: set {told(values.items(), self._units)}, id {downlink.id}"
        return Meaning(0, len(payload), text, fields, values)

    def _event(self, event: Event, size: int) -> Meaning:
        if isinstance(event, Uplink):
            return self._uplink(event, size)
        text, fields = _said(event)
        return Meaning(0, size, text, fields)

    def _uplink(self, event: Uplink, size: int) -> Meaning:
        fields: Fields = {"fCnt": event.f_cnt, "fPort": event.f_port, "data": event.data.hex(" ")}
        head = f"uplink {event.f_cnt} on fPort {event.f_port}"
        layout = self._up.get(event.f_port)
        if layout is None:
            return Meaning(0, size, f"{head}: {fields['data'] or 'nothing'}", fields)
        values = layout.decode(event.data)
        return Meaning(0, size, f"{head}: {told(values.items(), self._units)}", fields, values)


def _said(event: Ack | TxAck | LogEntry | Status) -> tuple[str, Fields]:
    if isinstance(event, Ack):
        words = "acknowledged" if event.acknowledged else "did not acknowledge"
        fields: Fields = {"id": event.queue_item_id, "acknowledged": int(event.acknowledged)}
        return f"the device {words} the downlink {event.queue_item_id}", fields
    if isinstance(event, TxAck):
        return f"a gateway took the downlink {event.queue_item_id}", {"id": event.queue_item_id}
    if isinstance(event, LogEntry):
        fields = {"id": event.context.get("queue_item_id", ""), "code": event.code}
        return f"the server says: {event.level} {event.code}: {event.description}", fields
    battery = "unknown" if event.battery_level is None else f"{event.battery_level:g} %"
    return f"status: margin {event.margin} dB, battery {battery}", {"margin": event.margin}
