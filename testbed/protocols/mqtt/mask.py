"""Plain MQTT messages told apart by what they ask for: without the ids of commands."""

from __future__ import annotations

from collections.abc import Hashable

from testbed.bench.profile import Profile
from testbed.bench.wires import Wire
from testbed.protocols.mask import Asked, Heard, noise

from .plan import MqttPlan


class MqttMask:
    """A command's id tells which acknowledgement answers it; all else comes unasked."""

    def __init__(self, profile: Profile, wire: Wire, device: str) -> None:
        self._plan = MqttPlan.of(profile, wire, device)
        self._commands = list(self._plan.commands.values())

    def request(self, topic: str, payload: bytes) -> Asked:
        """Return a command; the size is that of the payload."""
        for route in self._commands:
            if route.topic == topic:
                try:
                    value, command_id = route.asked(payload)
                except ValueError:
                    continue
                content = f"{topic} {route.signal} {value!r}".encode()
                return Asked(len(payload), (topic, route.signal), content, command_id or None)
        return noise(payload)

    def answer(self, topic: str, payload: bytes) -> Heard:
        """Return what a device sent: an acknowledgement, or something unasked."""
        if self._plan.acknowledge is not None and topic == self._plan.acknowledge.topic:
            try:
                return Heard(len(payload), self._plan.acknowledged(payload)[0] or None)
            except ValueError:
                pass
        return Heard(len(payload))

    def patched(self, payload: bytes, recorded: Hashable, asked: Hashable) -> bytes:
        """Return an acknowledgement of the command `asked` instead."""
        return payload.replace(str(recorded).encode(), str(asked).encode())
