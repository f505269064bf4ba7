"""What a host knows of an edge node from its messages: births, aliases, and whether one is missing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .payload import Metric, Payload, decode_payload, typed
from .topics import EdgeAddress, parse_topic

BD_SEQ = "bdSeq"
"""The metric that ties a node's death to its birth."""

REBIRTH = "Node Control/Rebirth"
"""The metric by which a node is asked for its births again."""

_NUMBERED = 256  # sequence numbers are 0 to 255


@dataclass(frozen=True)
class Born:
    """The node (device "") or a device of it is there."""

    device: str


@dataclass(frozen=True)
class Died:
    """The node (device "") or a device of it is gone."""

    device: str


@dataclass(frozen=True)
class Heard:
    """Metrics of the node (device "") or of a device, each with its name and type."""

    device: str
    metrics: tuple[Metric, ...]


@dataclass(frozen=True)
class Gap:
    """A message is missing, or one cannot be understood: only births can help."""

    reason: str


News = Born | Died | Heard | Gap


@dataclass
class NodeSession:
    """Follows one edge node; nothing but births counts until its birth was heard."""

    address: EdgeAddress
    alive: bool = False
    devices: set[str] = field(default_factory=set)
    _next: int = 0
    _bd_seq: int | None = None
    _aliases: dict[int, tuple[str, str, int | None]] = field(default_factory=dict)
    _types: dict[tuple[str, str], int | None] = field(default_factory=dict)

    def received(self, topic: str, data: bytes) -> list[News]:
        """Take a message; returns what it says. Raises ValueError for one that cannot be read."""
        kind, sender = parse_topic(topic)
        if sender.of_node != self.address.of_node or kind.endswith("CMD"):
            return []  # a command of ours, or of another host
        payload = decode_payload(data)
        match kind:
            case "NBIRTH":
                return self._born(payload)
            case "NDEATH":
                return self._died(payload)
            case "DBIRTH" | "DDEATH" | "NDATA" | "DDATA":
                return self._numbered(kind, sender.device, payload)
            case _:
                return []

    def lose(self) -> None:
        """Forget the birth: what comes is not understood until the next one."""
        self.alive = False
        self.devices.clear()

    def _born(self, payload: Payload) -> list[News]:
        self.lose()
        self.alive = True
        self._aliases.clear()
        self._types.clear()
        self._next = ((payload.seq or 0) + 1) % _NUMBERED
        self._bd_seq = next((_whole(each) for each in payload.metrics if each.name == BD_SEQ), None)
        return [Born(""), Heard("", self._named("", payload.metrics))]

    def _died(self, payload: Payload) -> list[News]:
        bd_seq = next((_whole(each) for each in payload.metrics if each.name == BD_SEQ), None)
        if not self.alive or (bd_seq is not None and bd_seq != self._bd_seq):
            return []  # the will of a connection before this one
        self.lose()
        return [Died("")]

    def _numbered(self, kind: str, device: str, payload: Payload) -> list[News]:
        if not self.alive:
            return []
        if payload.seq != self._next:
            self.lose()
            return [Gap(f"{kind} has the number {payload.seq}, expected {self._next}: messages were lost")]
        self._next = (self._next + 1) % _NUMBERED
        if kind == "DBIRTH":
            self.devices.add(device)
            return [Born(device), Heard(device, self._named(device, payload.metrics))]
        if kind == "DDEATH":
            self.devices.discard(device)
            return [Died(device)]
        unknown = [
            each.alias for each in payload.metrics if not each.name and each.alias not in self._aliases
        ]
        if unknown:
            self.lose()
            return [Gap(f"{kind} has the alias {unknown[0]}, which no birth told")]
        return [Heard(device, self._named(device, payload.metrics))]

    def _named(self, device: str, metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
        return tuple(self._known(device, each) for each in metrics)

    def _known(self, device: str, metric: Metric) -> Metric:
        if metric.name and metric.datatype is not None:  # as births have it
            self._types[device, metric.name] = metric.datatype
            if metric.alias is not None:
                self._aliases[metric.alias] = (device, metric.name, metric.datatype)
            return metric
        name, datatype = metric.name, metric.datatype
        if not name and metric.alias is not None:
            _, name, told = self._aliases[metric.alias]
        else:
            told = self._types.get((device, name))
        datatype = told if datatype is None else datatype
        return replace(metric, name=name, datatype=datatype, value=typed(metric.value, datatype))


def _whole(metric: Metric) -> int | None:
    return metric.value if isinstance(metric.value, int) else None
