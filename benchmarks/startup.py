"""How long help and a bench of fifty emulated devices take to start."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Row, print_table

_DEVICES = 50


def measure(quick: bool = False) -> list[Row]:
    """Measure the CPU of `testbed --help` and the start of fifty emulated devices."""
    help_cpu = min(_help_cpu() for _ in range(2 if quick else 5))
    start = _fifty_devices()
    return [
        Row("testbed --help: CPU", help_cpu, "s", target="under 0.3 s", ok=help_cpu < 0.3),
        Row("50 emulated devices: ready after", start, "s", target="under 5 s", ok=start < 5),
    ]


def _help_cpu() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "testbed", "--help"], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _fifty_devices() -> float:
    """Return the seconds from the command to the line that says all fifty answer, a fifth of each kind."""
    kinds = [
        ("modbus/thermal-chamber", "modbus+tcp://127.0.0.1:502?unit=1"),
        ("scpi/thermometer", "serial:///dev/ttyUSB0"),
        ("cobs/fan-driver", "serial:///dev/ttyACM0"),
        ("ble/environmental-sensing", "ble://C0:FF:EE:00:00:{:02X}"),
        ("lorawan/vent-valve", "chirpstack+mqtt://localhost:1883/1/70b3d57ed00000{:02x}"),
    ]
    lines = ["bench: fifty", "devices:"]
    for number in range(_DEVICES):
        profile, wire = kinds[number % len(kinds)]
        lines.append(f'  d{number}: {{profile: {profile}, wire: "{wire.format(number)}"}}')
    with tempfile.TemporaryDirectory() as folder:
        bench = Path(folder) / "bench.yaml"
        bench.write_text("\n".join(lines) + "\n")
        start = time.monotonic()
        command = [sys.executable, "-m", "testbed", "emulate", str(bench), "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            elapsed = time.monotonic() - start
            process.terminate()
    if len(ready["devices"]) != _DEVICES:
        raise RuntimeError(f"not all devices could be emulated: {ready.get('failed')}")
    return elapsed


if __name__ == "__main__":
    print_table(measure(quick="--quick" in sys.argv))
