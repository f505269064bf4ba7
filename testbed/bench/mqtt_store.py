"""Where a run's samples are published while they come: the `mqtt` section of a bench file.

Its texts may name environment variables, `${NAME}`; they are filled in by whoever publishes, so that a bench
can be checked and run where they are not set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from testbed.errors import UsageError

from .spec import MqttSpec
from .wires import Wire, parse_wire

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_FIELD = re.compile(r"\{(\w*)\}")
_FIELDS = ("bench", "device", "signal")


@dataclass(frozen=True)
class MqttStore:
    """A broker, and what goes there: `topic` with {bench}, {device}, {signal}; `payload` is json or value."""

    url: str
    topic: str
    payload: str
    retain: bool

    @property
    def by_device(self) -> bool:
        """Whether the values that came at one time from one device go into one message."""
        return "{signal}" not in self.topic

    def wire(self, environment: Mapping[str, str]) -> Wire:
        """Return the broker's wire with every ${NAME} replaced; raises UsageError if one is not set."""
        try:
            return parse_wire(self.url, environment)
        except ValueError as error:
            raise UsageError(f"mqtt: {error}") from None

    def topic_of(self, bench: str, device: str, signal: str) -> str:
        """Return the topic of a signal; what no topic may hold becomes an underscore."""
        names = {"bench": bench, "device": device, "signal": signal}
        return _FIELD.sub(lambda match: re.sub(r"[+#/\0]", "_", names[match[1]]), self.topic)


def resolve(spec: MqttSpec) -> MqttStore:
    """Return what a section of the right shape says; raises ValueError."""
    if not spec.url.startswith(("mqtt://", "mqtts://")):
        raise ValueError(f"{spec.url!r} is no broker; write for example mqtt://localhost:1883")
    wire = parse_wire(spec.url, dict.fromkeys(_VARIABLE.findall(spec.url), "1"))
    if wire.hidden.get(wire.password) == "***":
        raise ValueError("a password stands in the environment; write mqtt://USER:${MQTT_PASSWORD}@BROKER")
    if wire.path.strip("/"):
        raise ValueError(f"{spec.url}: a broker has no path; where it goes is said by topic")
    for name in _FIELD.findall(spec.topic):
        if name not in _FIELDS:
            raise ValueError(f"topic {spec.topic}: {{{name}}} is none of {', '.join(_FIELDS)}")
    store = MqttStore(spec.url, spec.topic, spec.payload, spec.retain)
    if "{device}" not in spec.topic:
        raise ValueError(f"topic {spec.topic} is that of every device: it needs {{device}}")
    if any(mark in _FIELD.sub("", spec.topic) for mark in "+#\0"):
        raise ValueError(f"topic {spec.topic} is none to publish to: it has +, # or NUL")
    if store.by_device and store.payload == "value":
        raise ValueError("payload value is that of one signal: the topic needs {signal}")
    return store
