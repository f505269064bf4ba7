"""`testbed scan`: what is there to talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from testbed.errors import UsageError

from .output import print_json

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from testbed.bench import Wire
    from testbed.links.discovery import Found

scan = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Find what is there: serial ports, BLE devices, Modbus units, MQTT topics.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Seconds = Annotated[float, typer.Option("--for", metavar="SECONDS", min=0.1, help="How long to listen.")]


@scan.command("serial")
def serial_(json: AsJson = False) -> None:
    """List serial ports by their stable names."""
    from testbed.links.discovery import serial_ports

    _print(serial_ports(), json, "no serial port is there")


@scan.command()
def ble(
    seconds: Seconds = 5.0,
    name: Annotated[str, typer.Option(help="Only devices of this name; * stands for anything.")] = "",
    service: Annotated[str, typer.Option(help="Only devices that offer it, for example 180D.")] = "",
    manufacturer: Annotated[str, typer.Option(help="Only this company's: 004C, or 004C:0215.")] = "",
    bus: Annotated[str, typer.Option(help="Another D-Bus, as in a wire's bus=... option.")] = "",
    json: AsJson = False,
) -> None:
    """Listen for Bluetooth LE devices."""
    from testbed.bench.ble_wire import BleWire, read_manufacturer
    from testbed.bench.uuids import uuid128
    from testbed.links.discovery import ble_devices

    try:
        wanted = BleWire(
            name=name, service=uuid128(service) if service else "",
            manufacturer=read_manufacturer(manufacturer) if manufacturer else None, bus=bus,
        )  # fmt: skip
    except ValueError as error:
        raise UsageError(str(error)) from None
    _print(_run(ble_devices(seconds, wanted)), json, "no device was heard")


@scan.command()
def modbus(
    wire: Annotated[str, typer.Argument(metavar="WIRE", help="For example modbus+tcp://HOST:502")],
    units: Annotated[str, typer.Option(metavar="FIRST-LAST", help="Which units to ask.")] = "1-247",
    json: AsJson = False,
) -> None:
    """Ask every unit on a Modbus wire whether it is there, and what it is."""
    from testbed.protocols.modbus import SCHEMES

    found = _run(_modbus_units(_wire(wire, *SCHEMES), _range(units)))
    _print(found, json, f"no unit of {units} answers on {wire}")


@scan.command()
def mqtt(
    wire: Annotated[str, typer.Argument(metavar="WIRE", help="mqtt://HOST:1883")],
    seconds: Seconds = 5.0,
    json: AsJson = False,
) -> None:
    """Listen to every topic of a broker."""
    from testbed.clock import SystemClock
    from testbed.links.broker import check_broker_options
    from testbed.links.discovery import mqtt_topics

    broker = _wire(wire, "mqtt", "chirpstack+mqtt", "ttn+mqtt")
    try:
        check_broker_options(broker)
    except ValueError as error:
        raise UsageError(str(error)) from None

    async def listen() -> list[Found]:
        clock = SystemClock()
        try:
            return await mqtt_topics(broker, seconds, clock)
        finally:
            clock.close()

    _print(_run(listen()), json, f"nothing was published within {seconds:g} s")


async def _modbus_units(wire: Wire, units: range) -> list[Found]:
    from rich.console import Console
    from rich.progress import track

    from testbed.clock import SystemClock
    from testbed.drivers.modbus.scan import scan_units
    from testbed.links.discovery import Found

    clock = SystemClock()
    found = []
    console = Console(stderr=True)
    progress = track(units, "asking", console=console, transient=True, disable=not console.is_terminal)
    try:
        async for heard in scan_units(wire, progress, clock):
            if heard.answered:
                base = str(wire).partition("?")[0]
                what = f"unit {heard.unit} answers" + (f": {heard.identity}" if heard.identity else "")
                found.append(Found(f"{base}?unit={heard.unit}", what))
    finally:
        clock.close()
    return found


def _run(scanning: Coroutine[Any, Any, Sequence[Found]]) -> Sequence[Found]:
    import asyncio

    return asyncio.run(scanning)


def _wire(text: str, *schemes: str) -> Wire:
    from testbed.bench import parse_wire

    try:
        wire = parse_wire(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if wire.scheme not in schemes:
        raise UsageError(f"{text} cannot be scanned this way", f"write {' or '.join(schemes)}://...")
    return wire


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    try:
        units = range(int(first), int(last or first) + 1)
    except ValueError:
        raise UsageError(f"--units {text} is no range of units", "write for example --units 1-20") from None
    if not units or units[0] < 0 or units[-1] > 255:
        raise UsageError(f"--units {text}: units are 0 to 255, the first before the last")
    return units


def _print(found: Sequence[Found], json: bool, nothing: str) -> None:
    from dataclasses import asdict

    if json:
        print_json({"found": [asdict(each) for each in found]})
        return
    if not found:
        typer.echo(nothing, err=True)
    width = max((len(each.wire) for each in found), default=0)
    for each in found:
        typer.echo(f"{each.wire:<{width}}  {each.what}")
