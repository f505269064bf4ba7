"""Plays the devices of a recording, each at the far end of a wire of its kind."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from typing import cast

from testbed.clock import Clock, Seeds
from testbed.emulators.base import EmulatorContext, Ready
from testbed.emulators.bench import Failed
from testbed.emulators.places import Places
from testbed.errors import TestbedError

from .device import PlayedDevice, ServePlayed

_BY_SCHEME = {
    "serial": "streams:serve_serial",
    "socket": "streams:serve_tcp",
    "rfc2217": "streams:serve_tcp",
    "nus": "streams:serve_tcp",
    "modbus+rtu": "streams:serve_serial",
    "modbus+ascii": "streams:serve_serial",
    "modbus+tcp": "streams:serve_tcp",
    "modbus+tls": "streams:serve_tcp",
    "modbus+rtu+tcp": "streams:serve_tcp",
    "modbus+ascii+tcp": "streams:serve_tcp",
    "ble": "ble:serve",
    "chirpstack+mqtt": "messages:serve",
    "ttn+mqtt": "messages:serve",
    "mqtt": "messages:serve",
    "mqtts": "messages:serve",
    "sparkplug+mqtt": "messages:serve",
    "sparkplug+mqtts": "messages:serve",
}


async def play_devices(
    devices: Sequence[PlayedDevice], clock: Clock, places: Places, ready: Ready, failed: Failed
) -> None:
    """Hold the far ends of the devices' wires until cancelled; nothing passes before a player is started.

    Each device is told of exactly once: `ready` with its wire, or `failed` with the reason.
    """
    groups: dict[str, list[PlayedDevice]] = {}
    for each in devices:
        how = _BY_SCHEME.get(each.device.wire.scheme)
        if how is None:
            failed(each.device.name, f"wires like {each.device.wire} cannot be played")
        else:
            groups.setdefault(how, []).append(each)
    async with asyncio.TaskGroup() as tasks:
        for how, group in groups.items():
            context = EmulatorContext(clock, Seeds(0).stream(how), places)
            tasks.create_task(_serve(_part(how), group, context, ready, failed), name=f"play {how}")


async def _serve(
    serve: ServePlayed, devices: list[PlayedDevice], context: EmulatorContext, ready: Ready, failed: Failed
) -> None:
    answering: set[str] = set()

    def announce(name: str, wire: str) -> None:
        answering.add(name)
        ready(name, wire)

    try:
        await serve(devices, context, announce)
    except TestbedError as error:
        for each in devices:
            if each.device.name not in answering:
                failed(each.device.name, each.device.wire.redacted(str(error)))


def _part(how: str) -> ServePlayed:
    module, _, name = how.partition(":")
    return cast(ServePlayed, getattr(importlib.import_module(f"testbed.emulators.played.{module}"), name))
