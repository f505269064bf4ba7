"""A profile and a wire together: which topics there are, what is in their payloads, how commands go out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from testbed.bench import units
from testbed.bench.profile import Profile
from testbed.bench.wires import Wire
from testbed.errors import UsageError
from testbed.signals import Access

from .payload import document_of, fill_in, number_of, pattern_of, text_of, word_of
from .pointer import look_up, put, tokens_of
from .profile import Acknowledgement, Availability, MqttAddress, MqttSettings

_FIELD = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class Route:
    """Where one signal is: the topic, filled in, and the place in its payloads."""

    signal: str
    topic: str
    address: MqttAddress
    period_s: float
    """Seconds between two messages that have it; 0 when it comes as it changes."""

    def value(self, found: Any) -> float:
        """Return the value of what stands in a payload; raises ValueError."""
        return number_of(found, self.address.values, self.address.scale)

    def word(self, value: float) -> str | int | float:
        """Return what stands in a payload for a value."""
        return word_of(value, self.address.values, self.address.scale)

    def command(self, value: float, command_id: str) -> bytes:
        """Return the payload that asks for a value."""
        return fill_in(self.address.payload, self.word(value), command_id)

    def asked(self, payload: bytes) -> tuple[float, str]:
        """Return the value and the id ("" without one) of a command; raises ValueError when it is none."""
        match = pattern_of(self.address.payload).fullmatch(text_of(payload))
        if match is None:
            raise ValueError(f"no command for {self.signal}: expected {self.address.payload}")
        return self.value(match["value"]), match.groupdict().get("id", "")


@dataclass(frozen=True)
class MqttPlan:
    """All that both ends of the wire go by."""

    readings: Mapping[str, tuple[Route, ...]]
    """By topic."""
    commands: Mapping[str, Route]
    """By signal."""
    qos: int
    availability: Availability | None
    acknowledge: Acknowledgement | None
    timeout_s: float
    resend_s: float

    @classmethod
    def of(cls, profile: Profile, wire: Wire, device: str) -> MqttPlan:
        """Return the plan; raises BenchFileError for a wrong profile, UsageError for a wrong wire."""
        settings = profile.settings(MqttSettings)
        names = _names(wire, device)
        routes = [_route(profile, name, address, names) for name, address in _addresses(profile, settings)]
        readings: dict[str, tuple[Route, ...]] = {}
        for route in routes:
            if profile.signals[route.signal].access is Access.NOTIFY:
                readings[route.topic] = (*readings.get(route.topic, ()), route)
        return cls(
            readings,
            {each.signal: each for each in routes if profile.signals[each.signal].access is Access.WRITE},
            settings.qos,
            _filled(settings.availability, names),
            _filled(settings.acknowledge, names),
            units.seconds(settings.timeout),
            units.seconds(settings.resend),
        )

    @property
    def subscriptions(self) -> list[str]:
        """What a client of this device subscribes to."""
        extra = [each.topic for each in (self.availability, self.acknowledge) if each is not None]
        return list(dict.fromkeys([*extra, *self.readings]))

    def read(self, topic: str, payload: bytes) -> Iterator[tuple[str, float | ValueError]]:
        """Yield each signal in a message with its value, or with what is wrong with it.

        A signal whose place is not in the document is not in the message: nothing is said of it.
        """
        routes, document = self.readings.get(topic, ()), None
        for route in routes:
            pointer = route.address.pointer
            try:
                if pointer is None:
                    yield route.signal, route.value(text_of(payload))
                    continue
                document = document_of(payload) if document is None else document
                yield route.signal, route.value(look_up(document, tokens_of(pointer)))
            except KeyError:
                continue
            except ValueError as error:
                yield route.signal, error

    def compose(self, topic: str, read: Callable[[str], float]) -> bytes:
        """Return a message with the values that `read` gives by signal, as a device sends it."""
        document: Any = None
        for route in self.readings[topic]:
            word = route.word(read(route.signal))
            if route.address.pointer is None:
                return str(word).encode()
            document = put(document, tokens_of(route.address.pointer), word)
        return json.dumps(document).encode()

    def acknowledged(self, payload: bytes) -> tuple[str, str]:
        """Return the id in an acknowledgement, and what went wrong ("": nothing); raises ValueError."""
        assert self.acknowledge is not None  # noqa: S101  (asked only where there is such a topic)
        document = document_of(payload)
        try:
            named = look_up(document, tokens_of(self.acknowledge.id))
        except KeyError:
            raise ValueError(f"an acknowledgement without {self.acknowledge.id}") from None
        try:
            wrong = look_up(document, tokens_of(self.acknowledge.error))
        except KeyError:
            wrong = None
        return str(named), str(wrong or "")

    def acknowledgement(self, command_id: str, error: str = "") -> bytes:
        """Return what a device answers to a command."""
        assert self.acknowledge is not None  # noqa: S101  (as above)
        document = put(None, tokens_of(self.acknowledge.id), command_id)
        if error:
            document = put(document, tokens_of(self.acknowledge.error), error)
        return json.dumps(document).encode()


def _addresses(profile: Profile, settings: MqttSettings) -> list[tuple[str, MqttAddress]]:
    addresses = profile.addresses(MqttAddress)
    for name, address in addresses.items():
        spec = profile.signals[name]
        if spec.access is Access.READ:
            raise profile.problem(name, f"{name} comes when the device sends it", "write access: notify")
        if spec.access is Access.NOTIFY:
            continue
        if "{value}" not in address.payload:
            raise profile.problem(name, f"{name}: its payload has no {{value}}")
        has_id = "{id}" in address.payload
        if settings.acknowledge is not None and address.confirm is None and not has_id:
            raise profile.problem(name, f"{name}: acknowledgements name an id, its payload has no {{id}}")
        if units.seconds(settings.resend) > 0 and not (settings.acknowledge is not None and has_id):
            raise profile.problem(
                name,
                f"{name} cannot be sent again: a device that had it already would apply it twice",
                "resend needs acknowledge, and {id} in the payload",
            )
        if address.confirm is not None and _access(profile, address.confirm) is not Access.NOTIFY:
            raise profile.problem(name, f"{name}: confirm {address.confirm!r} is no signal that is sent")
    _one_form(profile, addresses)
    return list(addresses.items())


def _one_form(profile: Profile, addresses: Mapping[str, MqttAddress]) -> None:
    """Check that a topic is JSON for all of its signals, or the value of one."""
    first: dict[str, str] = {}
    for name, address in addresses.items():
        if profile.signals[name].access is Access.NOTIFY:
            other = first.setdefault(address.topic, name)
            if other != name and (addresses[other].pointer is None or address.pointer is None):
                text = f"{name} and {other} share the topic {address.topic}: each needs a pointer"
                raise profile.problem(name, text)


def _access(profile: Profile, name: str) -> Access | None:
    return profile.signals[name].access if name in profile.signals else None


def _route(profile: Profile, name: str, address: MqttAddress, names: Mapping[str, str]) -> Route:
    try:
        topic = _fill(address.topic, names)
    except ValueError as error:
        raise profile.problem(name, f"{name}: {error}") from None
    rate = profile.signals[name].rate
    return Route(name, topic, address, 0.0 if rate is None else 1 / units.hertz(rate))


def _filled(part: Any, names: Mapping[str, str]) -> Any:
    if part is None:
        return None
    try:
        return part.model_copy(update={"topic": _fill(part.topic, names)})
    except ValueError as error:
        raise UsageError(str(error)) from None


def _fill(template: str, names: Mapping[str, str]) -> str:
    for name in _FIELD.findall(template):
        if name not in names:
            raise ValueError(f"topic {template}: {{{name}}} is none of {', '.join(names)}")
    topic = _FIELD.sub(lambda match: names[match[1]], template).strip("/")
    if not topic or any(mark in topic for mark in "+#\0"):
        raise ValueError(f"topic {topic!r} is none to publish to: it is empty, or has +, # or NUL")
    return topic


def _names(wire: Wire, device: str) -> dict[str, str]:
    base = unquote(wire.path).strip("/")
    prefix, _, last = base.rpartition("/")
    if not base or not wire.host:
        raise UsageError(
            f"{device}: {wire} names no device; expected mqtt://BROKER:PORT/PREFIX/DEVICE",
            "for example mqtt://localhost:1883/zigbee2mqtt/plug; it fills {base}, {prefix} and {device} in",
        )
    return {"base": base, "prefix": prefix, "device": last}
