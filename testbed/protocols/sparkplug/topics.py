"""Where edge nodes and their devices publish, and take commands (Sparkplug 3.0, chapter 4)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from testbed.bench.wires import Wire
from testbed.errors import UsageError

NAMESPACE = "spBv1.0"


@dataclass(frozen=True)
class EdgeAddress:
    """An edge node of a group, or a device behind it (`device` is empty for the node itself)."""

    group: str
    node: str
    device: str = ""

    @property
    def kind(self) -> str:
        """D for a device, N for a node: the first letter of its messages."""
        return "D" if self.device else "N"

    @property
    def of_node(self) -> EdgeAddress:
        """The node itself."""
        return EdgeAddress(self.group, self.node)

    @property
    def subscriptions(self) -> list[str]:
        """What a host subscribes to: all of the node, for its messages are numbered together."""
        start, end = f"{NAMESPACE}/{self.group}", self.node
        return [
            *(f"{start}/{kind}/{end}" for kind in ("NBIRTH", "NDATA", "NDEATH")),
            *(f"{start}/{kind}/{end}/+" for kind in ("DBIRTH", "DDATA", "DDEATH")),
        ]

    @property
    def commands(self) -> str:
        """Where commands go."""
        return self.topic(f"{self.kind}CMD")

    def topic(self, message: str) -> str:
        """Return the topic of a kind of message: NBIRTH, DDATA, ..."""
        end = f"/{self.device}" if self.device and message.startswith("D") else ""
        return f"{NAMESPACE}/{self.group}/{message}/{self.node}{end}"


def state_topic(host: str) -> str:
    """Return where a host application says whether it is there."""
    return f"{NAMESPACE}/STATE/{host}"


def parse_topic(topic: str) -> tuple[str, EdgeAddress]:
    """Return (kind of message, sender or addressee); raises ValueError for any other topic."""
    parts = topic.split("/")
    if len(parts) not in (4, 5) or parts[0] != NAMESPACE or not all(parts):
        raise ValueError(f"{topic!r} is no topic of an edge node: {NAMESPACE}/GROUP/MESSAGE/NODE[/DEVICE]")
    return parts[2], EdgeAddress(parts[1], parts[3], parts[4] if len(parts) == 5 else "")


def edge_address(device: str, wire: Wire) -> EdgeAddress:
    """Return the node or device that a wire's path names; raises UsageError showing a right one."""
    parts = [unquote(part) for part in wire.path.strip("/").split("/")]
    if wire.host and len(parts) in (2, 3) and all(parts) and not any(set("+#/\0") & set(p) for p in parts):
        return EdgeAddress(*parts)
    raise UsageError(
        f"{device}: {wire} names no edge node; expected sparkplug+mqtt://BROKER:PORT/GROUP/NODE[/DEVICE]",
        "for example sparkplug+mqtt://localhost:1883/plant-1/line-3/press",
    )
