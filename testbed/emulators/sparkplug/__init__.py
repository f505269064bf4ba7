"""Sparkplug B edge nodes with their devices, clients of one broker."""

from .edge import EdgeNode
from .serve import BROKER_PLUG, serve

__all__ = ["BROKER_PLUG", "EdgeNode", "serve"]
