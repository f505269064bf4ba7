"""Class A devices and their ChirpStack v4 network server, at a real MQTT broker."""

from .network import Network, serve

__all__ = ["Network", "serve"]
