"""Serves all edge nodes of a bench at one broker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from testbed.bench.wires import Wire
from testbed.emulators.base import EmulatedDevice, EmulatorContext, Ready
from testbed.emulators.broker import Broker
from testbed.emulators.own_broker import at_own_broker
from testbed.errors import UsageError
from testbed.protocols.sparkplug import EdgeAddress, edge_address

from .edge import EdgeNode

BROKER_PLUG = "sparkplug-broker"
"""The name of the broker's own plug: pulling it cuts all nodes off at once."""


async def serve(devices: Sequence[EmulatedDevice], context: EmulatorContext, ready: Ready) -> None:
    """Answer for edge nodes and their devices behind a broker of their own, until cancelled.

    Raises LinkError with the broker's own words when it does not start or ends by itself.
    """
    wires = {each.device.name: each.device.wire for each in devices}
    nodes = _nodes(devices, context)
    for node in nodes:
        context.plugs.update(node.plugs)
    announced: set[str] = set()

    async def at(broker: Broker) -> None:
        async with asyncio.TaskGroup() as tasks:
            for node in nodes:
                tasks.create_task(
                    _serve(node, broker, announced, ready, wires), name=f"node {node.address.node}"
                )

    await at_own_broker(context, BROKER_PLUG, at)


async def _serve(
    node: EdgeNode, broker: Broker, announced: set[str], ready: Ready, wires: dict[str, Wire]
) -> None:
    connected = asyncio.Event()
    running = asyncio.ensure_future(node.run(Wire("mqtt", broker.host, broker.port), connected))
    waiting = asyncio.ensure_future(connected.wait())
    try:
        await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
        for name in node.plugs:
            if name not in announced and connected.is_set():
                announced.add(name)
                host = wires[name].option("host", "")
                end = f"?host={host}" if host else ""
                ready(name, f"sparkplug+mqtt://{broker.host}:{broker.port}{wires[name].path}{end}")
        await running
    finally:
        for task in (running, waiting):
            task.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)


def _nodes(devices: Sequence[EmulatedDevice], context: EmulatorContext) -> list[EdgeNode]:
    groups: dict[EdgeAddress, dict[str, EmulatedDevice]] = {}
    hosts: dict[EdgeAddress, str] = {}
    for each in devices:
        name, wire = each.device.name, each.device.wire
        address = edge_address(name, wire)
        members = groups.setdefault(address.of_node, {})
        if address.device in members:
            other = members[address.device].device.name
            raise UsageError(
                f"{name} and {other} are the same: {'/'.join(filter(None, wire.path.split('/')))}"
            )
        members[address.device] = each
        hosts[address.of_node] = wire.option("host", "") or hosts.get(address.of_node, "")
    return [EdgeNode(address, members, context, hosts[address]) for address, members in groups.items()]
