"""The options that the wire of an MQTT broker may have."""

from __future__ import annotations

from testbed.bench.wires import Wire

KEEPALIVE = 5
"""Seconds; a frozen broker is noticed after about twice that."""

SESSION_EXPIRY = 3600
"""Seconds for which a broker keeps a persistent session of MQTT 5 without its client."""

OPTIONS = ("tls", "ca", "cert", "key", "keepalive", "version", "session", "client")
"""What every wire of a broker takes."""

_CHOICES = {"tls": ("on", "off"), "version": ("5", "3.1.1"), "session": ("clean", "persistent")}


def check_broker_options(wire: Wire) -> None:
    """Raise ValueError for options of a wire that no broker could be reached with."""
    for name, choices in _CHOICES.items():
        chosen = wire.options.get(name)
        if chosen is not None and chosen not in choices:
            raise ValueError(f"{wire}: {name}={wire.redacted(chosen)} is neither {' nor '.join(choices)}")
    if not 1 <= wire.number("keepalive", KEEPALIVE) <= 0xFFFF:
        raise ValueError(f"{wire}: keepalive must be 1 to 65535 seconds")
    if wire.option("session", "clean") == "persistent" and not wire.option("client", ""):
        raise ValueError(f"{wire}: a persistent session needs client=NAME, by which the broker knows it")
    if "key" in wire.options and "cert" not in wire.options:
        raise ValueError(f"{wire}: key= is the private key of a certificate: cert= is missing")
    if not uses_tls(wire) and (given := [name for name in ("ca", "cert") if name in wire.options]):
        raise ValueError(f"{wire}: {given[0]}= needs a wire with TLS: tls=on, or a scheme that ends in mqtts")


def uses_tls(wire: Wire) -> bool:
    """Return whether the connection is encrypted."""
    return wire.scheme.endswith("mqtts") or wire.option("tls", "off") == "on"


def broker_port(wire: Wire) -> int:
    """Return the TCP port: 1883, or 8883 with TLS, if the wire names none."""
    if wire.port is not None:
        return wire.port
    return 8883 if uses_tls(wire) else 1883


def speaks_5(wire: Wire) -> bool:
    """Return whether MQTT 5 is tried; else 3.1.1, as with a broker that refuses 5 (if the wire lets us)."""
    return wire.option("version", "5") == "5"
