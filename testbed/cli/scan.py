"""`testbed scan`: what is there to talk to."""

from __future__ import annotations

import typer

scan = typer.Typer(no_args_is_help=True, help="Find serial ports, BLE devices, Modbus units, MQTT topics.")
