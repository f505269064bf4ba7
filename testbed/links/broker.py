"""The options that the wire of an MQTT broker may have."""

from __future__ import annotations

from testbed.bench.wires import Wire

KEEPALIVE = 5
"""Seconds; a frozen broker is noticed after about twice that."""


def check_broker_options(wire: Wire) -> None:
    """Raise ValueError for options of a wire that no broker could be reached with."""
    if wire.option("tls", "off") not in ("on", "off"):
        raise ValueError(f"{wire}: tls={wire.option('tls', '')} is neither on nor off")
    if not 1 <= wire.number("keepalive", KEEPALIVE) <= 0xFFFF:
        raise ValueError(f"{wire}: keepalive must be 1 to 65535 seconds")
