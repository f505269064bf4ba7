"""Sparkplug B (3.0): topics, payloads, the order of an edge node's messages; births, deaths and aliases."""

from .node import Born, Died, Gap, Heard, NodeSession
from .payload import DataType, Metric, Payload, decode_payload, encode_payload
from .profile import SparkplugAddress, SparkplugPlan, SparkplugSettings
from .topics import EdgeAddress, edge_address

__all__ = [
    "Born",
    "DataType",
    "Died",
    "EdgeAddress",
    "Gap",
    "Heard",
    "Metric",
    "NodeSession",
    "Payload",
    "SparkplugAddress",
    "SparkplugPlan",
    "SparkplugSettings",
    "decode_payload",
    "edge_address",
    "encode_payload",
]
