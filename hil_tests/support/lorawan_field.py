"""A LoRaWAN network in virtual time, with ears in the air and at the broker."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hil_tests.support import make_device
from testbed.bench.device import Device
from testbed.bench.profile import SHIPPED, Profile, load_profile
from testbed.bench.radio import LorawanSpec
from testbed.bench.wires import Wire
from testbed.clock import NS, VirtualClock, run_virtual
from testbed.emulators import EmulatedDevice, EmulatorContext, Store
from testbed.emulators.lorawan import Network
from testbed.emulators.lorawan.air import Reception, Signal, Spot
from testbed.emulators.places import MemoryPlaces
from testbed.links import Switchboard
from testbed.protocols.lorawan.events import Downlink
from testbed.protocols.lorawan.servers import served_device


def valve(data_rate: str = "SF7", period: float = 60.0, **options: object) -> Profile:
    """Return the shipped vent valve at another data rate, sending each `period` s."""
    shipped = load_profile(SHIPPED / "lorawan" / "vent-valve.yaml")
    signals = {
        name: spec if spec.rate is None else spec.model_copy(update={"rate": f"{1 / period!r} Hz"})
        for name, spec in shipped.signals.items()
    }
    options = {"duty_cycle": "100 %", **options}
    return replace(shipped, signals=signals, options={**shipped.options, "data_rate": data_rate, **options})


def chirpstack(name: str, profile: Profile) -> Device:
    """Return a device at ChirpStack."""
    return make_device(profile, "chirpstack+mqtt://127.0.0.1", name)


def things_stack(name: str, profile: Profile) -> Device:
    """Return a device at The Things Stack."""
    return make_device(profile, f"ttn+mqtt://127.0.0.1/app1%40ttn/{name}", name)


class Ears:
    """Hear all that is on the air, however weak."""

    spot = Spot(0.0, 0.0)

    def __init__(self, uplinks: bool) -> None:
        self.hears_uplinks = uplinks
        self.signals: list[Signal] = []

    def begins(self, signal: Signal) -> bool:
        """Write it down."""
        self.signals.append(signal)
        return False

    def heard(self, signal: Signal, reception: Reception) -> None:
        """Never."""


@dataclass
class Field:
    """A network that is running."""

    clock: VirtualClock
    network: Network
    context: EmulatorContext
    emulated: dict[str, EmulatedDevice]
    wires: dict[str, str]
    board: Switchboard
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Device, kind and content."""
    uplinks: Ears = field(default_factory=lambda: Ears(uplinks=True))
    downlinks: Ears = field(default_factory=lambda: Ears(uplinks=False))
    link: Any = None

    async def run(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    def of(self, kind: str, name: str = "vent") -> list[dict[str, Any]]:
        """Return the events of a kind and a device."""
        return [content for each, told, content in self.events if (each, told) == (name, kind)]

    def command(self, data: bytes, item: str = "i-1", name: str = "vent", *, confirmed: bool = True) -> None:
        """Enqueue a downlink on fPort 10."""
        device = self.emulated[name].device
        served = served_device(name, replace(device.wire, host="memory", path=self._path(name)))
        downlink = Downlink(served.name, 10, data, confirmed, item)
        self.link.publish(served.topics.downlink, served.print_downlink(downlink))

    def member(self, name: str = "vent") -> Any:
        """Return the network's own view of a device."""
        return next(each for each in self.network._members if each.name == name)

    def heard(self, _time_ns: int, topic: str, payload: bytes) -> None:
        """Take an event."""
        parts = topic.split("/")
        things = parts[0] == "v3"
        kind = "/".join(parts[4:]) if things else parts[5]
        named = {self._path(name).rpartition("/")[2]: name for name in self.emulated}
        self.events.append((named[parts[3]], kind, json.loads(payload)))

    def _path(self, name: str) -> str:
        return "/" + self.wires[name].partition("://")[2].partition("/")[2]


def in_the_field(
    main: Callable[[Field], Awaitable[None]],
    *devices: Device,
    lorawan: dict[str, Any] | None = None,
    seed: int = 1,
    written: list[float] | None = None,
) -> Field:
    """Run `main` beside a network of `devices` in virtual time; returns the network as it was then.

    What downlinks set is added to `written`.
    """

    async def running(clock: VirtualClock) -> Field:
        board = Switchboard()
        places = MemoryPlaces(board)
        spec = LorawanSpec.model_validate(lorawan or {})
        context = EmulatorContext(clock, random.Random(seed), places, lorawan=spec)
        emulated = {device.name: EmulatedDevice(device, Store(device)) for device in devices}
        for each in emulated.values() if written is not None else ():
            each.store.watch(lambda _, value: written.append(value))
        network = Network(list(emulated.values()), context)
        here = Field(clock, network, context, emulated, {}, board)
        for ears in (here.uplinks, here.downlinks):
            network._air.join(ears)
        async with places.broker() as broker:
            here.link = await board.mqtt(
                Wire("mqtt", broker.host, broker.port), clock,
                subscriptions=["application/+/device/+/event/+", "v3/+/devices/+/up", "v3/+/devices/+/join",
                               *(f"v3/+/devices/+/down/{kind}" for kind in ("queued", "sent", "ack", "nack",
                                                                            "failed"))],
                received=here.heard, lost=lambda reason: None, tap=lambda *frame: None,
            )  # fmt: skip
            up = asyncio.Event()

            def ready(name: str, wire: str) -> None:
                here.wires[name] = wire
                if len(here.wires) == len(devices):
                    up.set()

            serving = asyncio.create_task(network.run(broker.host, broker.port, ready))
            try:
                await up.wait()
                await main(here)
            finally:
                network.close()
                here.link.close()
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
        return here

    return run_virtual(running)


def seconds(signal: Signal) -> float:
    """Return how long a frame is on the air."""
    return (signal.end_ns - signal.start_ns) / NS
