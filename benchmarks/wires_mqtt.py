"""50 registers polled at 100 Hz and published to Mosquitto: our bench beside a script written by hand.

Both read the bare device of benchmarks/devices.py, and Mosquitto counts what both publish. Ours judges and
records everything meanwhile; the script does nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.loops import _cpu as cpu_seconds
from benchmarks.table import Row, print_table

_COUNT, _RATE = 50, 100
_PEER = "pymodbus + aiomqtt"
_WARM_UP = 3.0
_COUNTED = "$SYS/broker/publish/messages/received"
_TOPICS = {"each": "bench/{device}/{signal}", "one": "bench/{device}"}


@dataclass(frozen=True)
class Result:
    """CPU seconds a second, and messages a second that Mosquitto took."""

    cpu: float
    messages: float


def measure(quick: bool = False) -> list[Row]:
    """Measure both, in turns."""
    rounds, seconds = (1, 2.0) if quick else (5, 5.0)
    rows: list[Row] = []
    for form, words in (("one", "a message for each poll"), ("each", "a message for each register")):
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(_round(form, seconds, by_hand=True))
            ours.append(_round(form, seconds, by_hand=False))
        own, peer = _median(ours), _median(theirs)
        what = f"{_COUNT} registers at {_RATE} Hz to Mosquitto, {words}"
        rows += [
            Row(f"{what}: CPU", own.cpu * 100, "%", _PEER, peer.cpu * 100,
                "at most 1/2", own.cpu <= peer.cpu / 2),
            Row("  messages", own.messages, "1/s", _PEER, peer.messages),
        ]  # fmt: skip
    return rows


def _median(results: list[Result]) -> Result:
    return Result(
        statistics.median(each.cpu for each in results), statistics.median(each.messages for each in results)
    )


def _round(form: str, seconds: float, *, by_hand: bool) -> Result:
    with tempfile.TemporaryDirectory() as name, _devices() as modbus, _broker(Path(name)) as broker:
        command = (
            _script(form, seconds, modbus, broker) if by_hand else _ours(Path(name), form, modbus, broker)
        )
        with (
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
            _counting(broker) as count,
        ):
            time.sleep(_WARM_UP)
            # From one count of the broker to a later one: it counts once a second.
            before, start, used = count(), time.monotonic(), cpu_seconds(process.pid)
            time.sleep(seconds)
            after, end, cpu = count(), time.monotonic(), cpu_seconds(process.pid) - used
            process.terminate()
    return Result(cpu / (end - start), (after[1] - before[1]) / (after[0] - before[0]))


def _script(form: str, seconds: float, modbus: int, broker: int) -> list[str]:
    numbers = [str(each) for each in (_RATE, seconds + _WARM_UP + 3, modbus, broker)]
    return [sys.executable, "-m", "benchmarks.mqtt_by_hand", form, *numbers]


def _ours(folder: Path, form: str, modbus: int, broker: int) -> list[str]:
    registers = "".join(
        f"  r{number}: {{input: {number}, type: uint16, access: read, rate: {_RATE} Hz}}\n"
        for number in range(_COUNT)
    )
    (folder / "registers.yaml").write_text(f"profile: registers\nprotocol: modbus\nsignals:\n{registers}")
    (folder / "bench.yaml").write_text(
        "bench: bench\n"
        f'devices:\n  dut: {{profile: registers, wire: "modbus+tcp://127.0.0.1:{modbus}?unit=1"}}\n'
        f'mqtt: {{url: "mqtt://127.0.0.1:{broker}", topic: "{_TOPICS[form]}"}}\n'
    )
    session = str(folder / "run.session")
    return [
        sys.executable,
        "-m",
        "testbed",
        "run",
        str(folder / "bench.yaml"),
        "--json",
        "--session",
        session,
    ]


@contextlib.contextmanager
def _devices() -> Iterator[int]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "benchmarks.devices", "0"]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["modbus"]
        finally:
            process.kill()


@contextlib.contextmanager
def _broker(folder: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nsys_interval 1\n")
    path = os.environ["PATH"] + ":/usr/sbin"
    with subprocess.Popen(
        ["mosquitto", "-c", str(config)], env={**os.environ, "PATH": path}, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.02)
            yield port
        finally:
            process.terminate()


@contextlib.contextmanager
def _counting(port: int) -> Iterator[_Count]:
    count = _Count()
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: count.told(int(message.payload))
    client.connect("127.0.0.1", port)
    client.subscribe(_COUNTED)
    client.loop_start()
    try:
        yield count
    finally:
        client.loop_stop()
        client.disconnect()


class _Count:
    """How many messages the broker has taken, and when it said so; each count is waited for."""

    def __init__(self) -> None:
        self._said = (0.0, 0)
        self._news = threading.Event()

    def told(self, number: int) -> None:
        self._said = (time.monotonic(), number)
        self._news.set()

    def __call__(self) -> tuple[float, int]:
        self._news.clear()
        self._news.wait(5.0)
        return self._said


if __name__ == "__main__":
    print_table(measure(quick="--quick" in sys.argv))
