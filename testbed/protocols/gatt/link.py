"""Signals of the connection itself: how strong the device is heard, how much fits into a packet."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from testbed.bench.profile import Profile
from testbed.signals import Access


class OfLink(StrEnum):
    """What a connection tells of itself."""

    RSSI = "rssi"
    MTU = "mtu"


class LinkAddress(BaseModel):
    """The address keys of a signal that no characteristic holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    link: OfLink = Field(
        description="rssi: dBm of the advertisement by which it was found; mtu: bytes of an ATT packet"
    )


def link_signals(profile: Profile) -> dict[str, OfLink]:
    """Return the signals of the connection; raises BenchFileError naming each wrong line."""
    of_link = {name: spec for name, spec in profile.signals.items() if "link" in spec.address}
    for name, spec in of_link.items():
        if spec.access is not Access.NOTIFY or spec.rate is not None:
            raise profile.problem(
                name, f"{name} is told whenever the device is found: access: notify, and no rate"
            )
    found = replace(profile, signals=of_link).addresses(LinkAddress)
    return {name: address.link for name, address in found.items()}
