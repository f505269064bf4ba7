"""What can be seen from here without knowing it beforehand: serial ports, BLE devices, MQTT topics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from testbed.bench.ble_wire import BleWire, Manufacturer
from testbed.bench.uuids import uuid_words
from testbed.bench.wires import Wire
from testbed.clock import Clock

from .gatt_seek import Heard

_BY_ID = Path("/dev/serial/by-id")


@dataclass(frozen=True)
class Found:
    """Something to talk to: the wire (or topic) to write into a bench file, and what is known of it."""

    wire: str
    what: str


def serial_ports() -> list[Found]:
    """Return the serial ports, each by its stable name where the system gives it one."""
    from serial.tools import list_ports

    stable = {link.resolve(): link for link in _BY_ID.glob("*")} if _BY_ID.is_dir() else {}
    return [
        Found(f"serial://{stable.get(Path(port.device).resolve(), port.device)}", str(port.description))
        for port in sorted(list_ports.comports())
    ]


@dataclass(frozen=True)
class FoundBle(Found):
    """A Bluetooth LE device: what it advertises; `rssi` in dBm, manufacturer data as wires have it."""

    name: str
    rssi: int | None
    services: list[str]
    manufacturers: list[str]


async def ble_devices(seconds: float, wanted: BleWire) -> list[FoundBle]:
    """Listen for `seconds` for devices that `wanted` means, the nearest first.

    Raises LinkLost when there is nothing to listen with.
    """
    from bleak import BleakScanner
    from bleak.exc import BleakError

    from .base import LinkLost
    from .bluez import station
    from .gatt_scan import heard_by_bleak

    await station(wanted.bus)
    try:
        advertised = await BleakScanner.discover(timeout=seconds, return_adv=True)
    except (BleakError, OSError) as error:
        raise LinkLost(f"cannot scan for Bluetooth LE devices: {error}", "run: testbed doctor") from error
    heard = [heard_by_bleak(*pair) for pair in advertised.values()]
    meant = [each for each in heard if each.meant_by(wanted)]
    return [
        _found(each, wanted.bus) for each in sorted(meant, key=lambda each: (-(each.rssi or 0), each.address))
    ]


def _found(heard: Heard, bus: str) -> FoundBle:
    services = sorted(map(uuid_words, heard.services))
    manufacturers = [str(Manufacturer(*each)) for each in sorted(heard.manufacturers.items())]
    what = f"{heard.name or '(no name)'}, {heard.rssi} dBm"
    what += f", services {', '.join(services)}" if services else ""
    what += f", manufacturer {', '.join(manufacturers)}" if manufacturers else ""
    wire = f"ble://{heard.address}" + (f"?bus={bus}" if bus else "")
    return FoundBle(wire, what, heard.name, heard.rssi, services, manufacturers)


async def mqtt_topics(wire: Wire, seconds: float, clock: Clock) -> list[Found]:
    """Listen to everything that a broker hands out for `seconds`; raises LinkLost when it cannot be used."""
    import asyncio

    from .base import LinkLost
    from .mqtt import open_mqtt

    topics: dict[str, bytes] = {}
    reasons: list[str] = []
    link = await open_mqtt(
        wire,
        clock,
        subscriptions=["#"],
        received=lambda time_ns, topic, payload: topics.update({topic: payload}),
        lost=reasons.append,
    )
    try:
        async with asyncio.timeout(seconds):
            await link.run()
    except TimeoutError:
        pass  # listened as long as asked
    finally:
        link.close()
    if reasons:
        raise LinkLost(reasons[0])
    return [Found(topic, _shown(payload)) for topic, payload in sorted(topics.items())]


def _shown(payload: bytes) -> str:
    text = payload[:60].decode("utf-8", "backslashreplace")
    return text + (" ..." if len(payload) > len(text) else "")
