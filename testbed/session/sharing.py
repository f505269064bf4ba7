"""Devices at one wire: their drivers share its link, as far as their protocol can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from testbed.bench.device import Device
from testbed.drivers import driver_class
from testbed.links import Opener
from testbed.links.sharing import Junction, Place, SharingOpener


def sharing(opener: Opener, devices: Iterable[Device]) -> Opener:
    """Return an opener that opens once what several of `devices` are at; `opener` itself if there is none."""
    users: Counter[Place] = Counter()
    junctions: dict[Place, Callable[[], Junction]] = {}
    for device in devices:
        found = driver_class(device.profile.protocol).junction(device)
        if found is not None:
            place, make = found
            users[place] += 1
            junctions.setdefault(place, make)
    shared = {place: make for place, make in junctions.items() if users[place] > 1}
    return SharingOpener(opener, shared) if shared else opener
