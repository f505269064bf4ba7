"""Serves all plain MQTT devices of a bench at one broker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from testbed.bench.wires import Wire
from testbed.emulators.base import EmulatedDevice, EmulatorContext, Ready
from testbed.emulators.broker import Broker
from testbed.emulators.own_broker import at_own_broker
from testbed.errors import UsageError

from .device import MqttDevice

BROKER_PLUG = "mqtt-devices-broker"
"""The name of the broker's own plug: pulling it cuts all devices off at once."""


async def serve(devices: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Answer for plain MQTT devices behind a broker of their own, until cancelled.

    Raises LinkError with the broker's own words when it does not start or ends by itself.
    """
    members = [MqttDevice(each, context) for each in devices]
    _check(members)
    context.plugs.update({member.name: member for member in members})
    announced: set[str] = set()

    async def at(broker: Broker) -> None:
        async with asyncio.TaskGroup() as tasks:
            for member in members:
                tasks.create_task(_member(member, broker, announced, ready), name=f"device {member.name}")

    await at_own_broker(context, BROKER_PLUG, at)


async def _member(member: MqttDevice, broker: Broker, announced: set[str], ready: Ready) -> None:
    connected = asyncio.Event()
    running = asyncio.ensure_future(member.run(Wire("mqtt", broker.host, broker.port), connected))
    waiting = asyncio.ensure_future(connected.wait())
    try:
        await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
        if member.name not in announced and connected.is_set():
            announced.add(member.name)
            ready(member.name, f"mqtt://{broker.host}:{broker.port}{member.wire.path}")
        await running
    finally:
        for task in (running, waiting):
            task.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)


def _check(members: Sequence[MqttDevice]) -> None:
    owners: dict[str, str] = {}
    for member in members:
        for topic in member.plan.subscriptions:
            other = owners.setdefault(topic, member.name)
            if other != member.name:
                raise UsageError(
                    f"{member.name} and {other} both publish {topic}: give each a path of its own"
                )
