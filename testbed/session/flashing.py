"""Writes firmware into real boards, with the program that the maker's world uses for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from testbed.bench import Bench, FlashSpec
from testbed.bench.device import Device
from testbed.errors import MissingPart, UsageError

_GET = {
    "openocd": "apt-get install openocd",
    "avrdude": "apt-get install avrdude",
    "esptool": "pip install esptool",
    "pyocd": "pip install pyocd",
}
_NAMES = {"esptool": ("esptool", "esptool.py")}
_AVR_FORMATS = {".hex": "i", ".elf": "e", ".bin": "r"}


def flash_command(bench: Bench, name: str) -> Sequence[str]:
    """Return the command line that writes a device's image into its board.

    Raises UsageError when the bench file does not say how, or the image is not there.
    """
    device = device_with_board(bench, name)
    spec = device.board.flash if device.board else None
    if spec is None:
        raise UsageError(
            f"{name}: the bench file does not say how its board is flashed",
            f"add devices: {name}: board: {{flash: {{tool: openocd, config: [...], image: ...}}}}",
        )
    image = bench.file.parent / spec.image
    if not image.is_file():
        raise UsageError(f"{name}: there is no image {image}", "build it first, for example: make firmware")
    return _COMMANDS[spec.tool](spec, image, device)


def find_tool(command: Sequence[str]) -> Sequence[str]:
    """Return the command with the program's whole path; raises MissingPart with the way to get it."""
    tool = command[0]
    for name in _NAMES.get(tool, (tool,)):
        if found := shutil.which(name):
            return (found, *command[1:])
    raise MissingPart(f"{tool} is not installed", _GET[tool])


def device_with_board(bench: Bench, name: str) -> Device:
    """Return a device by name; raises UsageError when there is none."""
    if name not in bench.devices:
        raise UsageError(
            f"the bench has no device called {name!r}", f"choose from {', '.join(bench.devices)}"
        )
    return bench.devices[name]


def _openocd(spec: FlashSpec, image: Path, device: Device) -> Sequence[str]:
    files = [word for file in spec.config for word in ("-f", file)]
    address = "" if spec.address is None else f" 0x{spec.address:x}"
    return ("openocd", *files, "-c", f"program {{{image}}}{address} verify reset exit")


def _avrdude(spec: FlashSpec, image: Path, device: Device) -> Sequence[str]:
    form = _AVR_FORMATS.get(image.suffix)
    if form is None:
        raise UsageError(f"{device.name}: avrdude takes .hex, .elf or .bin, not {image.name}")
    return (
        "avrdude", "-p", str(spec.part), "-c", spec.programmer, "-P", _port(spec, device),
        "-b", str(spec.baud), "-D", "-U", f"flash:w:{image}:{form}",
    )  # fmt: skip


def _esptool(spec: FlashSpec, image: Path, device: Device) -> Sequence[str]:
    return (
        "esptool", "--chip", spec.chip, "--port", _port(spec, device), "--baud", str(spec.baud),
        "write_flash", f"0x{spec.address or 0:x}", str(image),
    )  # fmt: skip


def _pyocd(spec: FlashSpec, image: Path, device: Device) -> Sequence[str]:
    address = () if spec.address is None else ("--base-address", f"0x{spec.address:x}")
    return ("pyocd", "flash", "--target", str(spec.target), *address, str(image))


def _port(spec: FlashSpec, device: Device) -> str:
    port = spec.port or device.wire.path
    if not spec.port and device.wire.scheme not in ("serial", "modbus+rtu", "modbus+ascii"):
        raise UsageError(
            f"{device.name}: {spec.tool} needs a serial port, and its wire is {device.wire}",
            "add port: /dev/... to flash:",
        )
    return port


_COMMANDS: dict[str, Callable[[FlashSpec, Path, Device], Sequence[str]]] = {
    "openocd": _openocd,
    "avrdude": _avrdude,
    "esptool": _esptool,
    "pyocd": _pyocd,
}
