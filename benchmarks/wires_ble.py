"""Bluetooth LE: five devices at 50 notifications a second, and one that goes away and comes back.

Ours and a script written by hand with bleak, each in a process of its own, listen to the same emulated
devices, one after the other.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.ble_ends import RATE
from benchmarks.table import Row, print_table

_DEVICES = 5
_AWAY = 3.0  # s; longer than the first pauses between attempts
_PEER = "bleak by hand"


@dataclass(frozen=True)
class Result:
    """What one listener heard; `back` are the seconds from the device's return to its first value."""

    received: int
    lost: int
    cpu: float
    back: list[float]


def measure(quick: bool = False) -> list[Row]:
    """Measure both."""
    seconds, losses = (4.0, 2) if quick else (30.0, 10)
    ours, peer = (_listened(whose, seconds, losses) for whose in ("testbed", "bleak"))
    what = f"{_DEVICES} BLE devices at {RATE} notifications/s"
    worst, median = max(ours.back), statistics.median(ours.back)
    return [
        Row(f"{what}: heard", ours.received / seconds, "1/s", _PEER, peer.received / seconds),
        Row("  lost", ours.lost, "", _PEER, peer.lost, "0", ours.lost == 0),
        Row("  CPU per notification", ours.cpu / ours.received * 1e6, "us", _PEER,
            peer.cpu / peer.received * 1e6),
        Row(f"BLE device back after {_AWAY:g} s: first value, worst of {losses}", worst, "s", _PEER,
            max(peer.back), "at most 1", worst <= 1.0),
        Row("  median", median, "s", _PEER, statistics.median(peer.back)),
    ]  # fmt: skip


def _listened(whose: str, seconds: float, losses: int) -> Result:
    with _process("devices", str(_DEVICES), str(_AWAY)) as devices:
        wires = _told(devices)
        with _process(whose, str(seconds), *wires) as listener:
            told = _told(listener)
            back = [_return(devices, listener) for _ in range(losses)]
    return Result(told["received"], told["lost"], told["cpu"], back)


def _return(devices: subprocess.Popen[str], listener: subprocess.Popen[str]) -> float:
    assert devices.stdin is not None
    devices.stdin.write("\n")
    devices.stdin.flush()
    there = _told(devices)["back_ns"]
    return float(_told(listener)["back_ns"] - there) / 1e9


def _told(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@contextlib.contextmanager
def _process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.ble_ends", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    print_table(measure("--quick" in sys.argv))
