"""What plain MQTT messages of a device, and those to it, say."""

from __future__ import annotations

from testbed.bench.profile import Profile
from testbed.bench.wires import Wire
from testbed.protocols.meaning import Meaning, not_understood, told

from .plan import MqttPlan


class MqttDescriber:
    """Names the values by the profile; the wire tells the topics."""

    def __init__(self, profile: Profile, wire: Wire) -> None:
        self._plan = MqttPlan.of(profile, wire, profile.name)
        self._units = {name: spec.unit for name, spec in profile.signals.items()}

    def describe(self, to_device: bool, topic: str, payload: bytes) -> Meaning:
        """Return the meaning of one message; `start` and `end` are those of the payload."""
        try:
            return self._command(topic, payload) if to_device else self._message(topic, payload)
        except ValueError as error:
            return not_understood(0, payload, len(payload), f"{topic}: {error}")

    def _command(self, topic: str, payload: bytes) -> Meaning:
        for route in self._plan.commands.values():
            if route.topic == topic:
                value, command_id = route.asked(payload)
                text = f"command on {topic}: set {told([(route.signal, value)], self._units)}"
                fields = {"id": command_id} if command_id else {}
                end = f", id {command_id}" if command_id else ""
                return Meaning(0, len(payload), text + end, {**fields}, {route.signal: value})
        raise ValueError("no topic of a command")

    def _message(self, topic: str, payload: bytes) -> Meaning:
        plan = self._plan
        if plan.acknowledge is not None and topic == plan.acknowledge.topic:
            command_id, error = plan.acknowledged(payload)
            words = (
                f"refused the command {command_id}: {error}" if error else f"took the command {command_id}"
            )
            return Meaning(0, len(payload), f"the device {words}", {"id": command_id})
        if plan.availability is not None and topic == plan.availability.topic:
            return Meaning(0, len(payload), f"the device is {payload.decode('utf-8', 'backslashreplace')}")
        values: dict[str, float] = {}
        for name, found in plan.read(topic, payload):
            if isinstance(found, ValueError):
                raise found
            values[name] = found
        return Meaning(0, len(payload), f"{topic}: {told(values.items(), self._units)}", {}, values)
