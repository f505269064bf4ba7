"""`testbed doctor`: what is installed, what is missing, how to get it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from .output import print_json

_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
_LIBRARIES = {
    "pymodbus": "Modbus",
    "pyserial": "serial ports",
    "bleak": "Bluetooth LE",
    "bumble": "emulated Bluetooth LE devices",
    "aiomqtt": "MQTT",
    "amqtt": "the embedded broker",
    "chirpstack-api": "LoRaWAN through ChirpStack",
    "uvloop": "the fast event loop",
}
_EXTRAS = {
    "mcap": ("export to MCAP", "export"),
    "pyarrow": ("export to Parquet", "export"),
    "perfetto": ("export of Perfetto traces", "export"),
    "osqp": ("model-predictive control", "mpc"),
}
_PROGRAMS = {
    "dbus-daemon": ("emulated Bluetooth LE devices", "apt-get install dbus-daemon", True),
    "mosquitto": (
        "the broker of emulated LoRaWAN",
        "apt-get install mosquitto",
        False,
    ),
    "bluetoothctl": ("real Bluetooth LE devices", "apt-get install bluez", False),
    "qemu-system-arm": ("emulated firmware", "apt-get install qemu-system-arm", False),
    "arm-none-eabi-gcc": (
        "building firmware",
        "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi",
        False,
    ),
}


@dataclass(frozen=True)
class Finding:
    """One part: whether it is there, what it is for, and how to get it."""

    part: str
    found: str
    use: str
    get: str = ""
    needed: bool = True


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what is installed, what is missing and how to get it; exit 1 when something needed is missing."""
    findings = [*_libraries(), *_programs(), _serial_ports(), _bluetooth()]
    missing = [finding for finding in findings if not finding.found and finding.needed]
    if json:
        print_json({"ok": not missing, "parts": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    raise typer.Exit(1 if missing else 0)


def _print(findings: list[Finding]) -> None:
    from .tables import as_text, make_console, make_table

    table = make_table("part", "found", "for", "to get it")
    for finding in findings:
        mark = as_text(finding.found)
        if not finding.found:
            mark.append("missing" if finding.needed else "not there", "red" if finding.needed else "yellow")
        table.add_row(finding.part, mark, finding.use, "" if finding.found else finding.get)
    make_console().print(table)


def _libraries() -> list[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    def found(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return ""

    return [
        *(Finding(name, found(name), use, f"pip install {name}") for name, use in _LIBRARIES.items()),
        *(
            Finding(name, found(name), use, f"pip install 'hil-testbed[{extra}]'", needed=False)
            for name, (use, extra) in _EXTRAS.items()
        ),
    ]


def _programs() -> list[Finding]:
    import shutil

    return [
        Finding(name, shutil.which(name) or shutil.which(name, path=_PATH) or "", use, get, needed)
        for name, (use, get, needed) in _PROGRAMS.items()
    ]


def _serial_ports() -> Finding:
    import os

    from serial.tools import list_ports

    ports = [port.device for port in list_ports.comports()]
    closed = [port for port in ports if not os.access(port, os.R_OK | os.W_OK)]
    if closed:
        get = f"no permission for {', '.join(closed)}: sudo usermod -aG dialout $USER, then log in again"
        return Finding("serial ports", "", "serial devices", get, needed=False)
    return Finding("serial ports", ", ".join(ports), "serial devices", "plug one in", needed=False)


def _bluetooth() -> Finding:
    import os

    adapters = sorted(os.listdir("/sys/class/bluetooth")) if os.path.isdir("/sys/class/bluetooth") else []
    get = "plug in an adapter; systemctl start bluetooth"
    return Finding("Bluetooth adapter", ", ".join(adapters), "real Bluetooth LE devices", get, needed=False)
