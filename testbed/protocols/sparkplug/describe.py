"""What the messages of an edge node, and those to it, say."""

from __future__ import annotations

from testbed.bench.profile import Profile
from testbed.bench.wires import Wire
from testbed.protocols.meaning import Fields, Meaning, not_understood, told

from .node import Born, Died, Gap, Heard, News, NodeSession
from .payload import Metric, decode_payload, number_of
from .profile import SparkplugPlan
from .topics import edge_address, parse_topic


class SparkplugDescriber:
    """Follows one edge node, as aliases mean what its births said."""

    def __init__(self, profile: Profile, wire: Wire) -> None:
        self._plan = SparkplugPlan.of(profile)
        self._address = edge_address(profile.name, wire)
        self._session = NodeSession(self._address)
        self._units = {name: spec.unit for name, spec in profile.signals.items()}

    def describe(self, to_device: bool, topic: str, payload: bytes) -> Meaning:
        """Return the meaning of one message; `start` and `end` are those of the payload."""
        try:
            if to_device:
                return self._command(topic, payload)
            news = self._session.received(topic, payload)
            kind, fields = parse_topic(topic)[0], self._fields(payload)
        except ValueError as error:
            return not_understood(0, payload, len(payload), f"{topic}: {error}")
        values: dict[str, float] = {}
        for each in news:
            if isinstance(each, Heard) and each.device == self._address.device:
                values.update(self._values(each.metrics))
        said = "; ".join(_said(each) for each in news if not isinstance(each, Heard))
        text = ": ".join(part for part in (said, told(values.items(), self._units)) if part)
        return Meaning(0, len(payload), f"{kind} {text}".rstrip(), fields, values)

    def _command(self, topic: str, payload: bytes) -> Meaning:
        if "/STATE/" in topic:
            return Meaning(0, len(payload), f"host: {payload.decode('utf-8', 'backslashreplace')}")
        asked = ", ".join(f"{each.name} = {each.value}" for each in decode_payload(payload).metrics)
        return Meaning(0, len(payload), f"{parse_topic(topic)[0]}: {asked}")

    def _values(self, metrics: tuple[Metric, ...]) -> dict[str, float]:
        found: dict[str, float] = {}
        for each in metrics:
            route = self._plan.readings.get(each.name)
            if route is not None:
                try:
                    found[route.signal] = number_of(each.value) * route.scale
                except ValueError:
                    continue  # the driver says so of that signal
        return found

    @staticmethod
    def _fields(payload: bytes) -> Fields:
        number = decode_payload(payload).seq
        return {} if number is None else {"sequence": number}


def _said(news: News) -> str:
    match news:
        case Born(device):
            return f"{device or 'the node'} is there"
        case Died(device):
            return f"{device or 'the node'} is gone"
        case Gap(reason):
            return reason
    return ""
