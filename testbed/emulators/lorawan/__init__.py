"""A LoRaWAN network: class A devices, the air, gateways, and a network server at an MQTT broker."""

from .network import Network, serve

__all__ = ["Network", "serve"]
