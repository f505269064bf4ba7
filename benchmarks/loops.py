"""Closed loops: ours against the hand-written script, on the same devices, round by round in turn.

Both latency and cycles are counted by the devices (benchmarks/devices.py), CPU by the system, from the
outside and only while the loops run; ours records everything into a session file meanwhile.
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
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import Row, print_table

_WARM_UP = 3.0  # s: imports, connections, first cycles
_PEER = "hand-written"
_FASTEST = 20_000  # Hz: a rate that no controller here reaches

_THERMOMETER = """\
profile: thermometer
protocol: scpi
signals:
  temperature: {{query: "MEAS:TEMP?", unit: degC, rate: {rate} Hz}}
"""
_ACTUATOR = """\
profile: actuator
protocol: modbus
signals:
  output: {holding: 0, type: uint16, scale: 0.1, access: write, limits: [0, 1000], safe: 0}
"""
_LOOP = """\
  l{0}:
    {{reads: t{0}.temperature, writes: a{0}.output, setpoint: 25 degC, rate: {1} Hz, stale_after: 5 s,
     controller: {{pid: {{kp: 2, ki: 0.5}}}}}}"""


@dataclass(frozen=True)
class Result:
    """One round of one controller: sample to actuation in us at p50, CPU us per cycle, cycles a second."""

    latency: float
    cpu: float
    rate: float


def measure(quick: bool = False) -> list[Row]:
    """Measure 20 loops at 100 Hz and one loop as fast as it goes."""
    rounds, seconds = (1, 3.0) if quick else (3, 6.0)
    ours, peer = _rounds(20, 100, rounds, seconds)
    fast, fast_peer = _rounds(1, 0, rounds, seconds)
    latency, cpu, speed = peer.latency / ours.latency, ours.cpu / peer.cpu, fast.rate / fast_peer.rate
    return [
        Row("20 loops at 100 Hz: sample to actuation p50", ours.latency, "us", _PEER, peer.latency,
            "at least 20x lower", latency >= 20),
        Row("20 loops at 100 Hz: CPU per cycle, recording", ours.cpu, "us", _PEER, peer.cpu,
            "at most 1/3", cpu <= 1 / 3),
        Row("20 loops at 100 Hz: cycles", ours.rate, "1/s", _PEER, peer.rate),
        Row("one loop as fast as it goes", fast.rate, "1/s", _PEER, fast_peer.rate,
            "at least 2x", speed >= 2),
    ]  # fmt: skip


def _rounds(count: int, rate: int, rounds: int, seconds: float) -> tuple[Result, Result]:
    ours, peers = [], []
    for _ in range(rounds):
        peers.append(_round(count, rate, seconds, _handwritten))
        ours.append(_round(count, rate, seconds, _testbed))
    return _median(ours), _median(peers)


def _median(results: list[Result]) -> Result:
    return Result(
        statistics.median(result.latency for result in results),
        statistics.median(result.cpu for result in results),
        statistics.median(result.rate for result in results),
    )


def _round(count: int, rate: int, seconds: float, controller: object) -> Result:
    with tempfile.TemporaryDirectory() as folder, _devices(count) as devices:
        assert devices.stdin is not None
        assert devices.stdout is not None
        told = json.loads(devices.stdout.readline())
        with controller(Path(folder), rate, told["ports"], told["modbus"], seconds) as process:  # type: ignore[operator]
            time.sleep(_WARM_UP)
            cpu = _cpu(process.pid)
            devices.stdin.write("start\n")
            devices.stdin.flush()
            start = time.monotonic()
            time.sleep(seconds)
            devices.stdin.write("stop\n")
            devices.stdin.flush()
            latencies = json.loads(devices.stdout.readline())["latencies"]
            elapsed, used = time.monotonic() - start, _cpu(process.pid) - cpu
    if not latencies:
        raise RuntimeError(f"{controller} closed no loop")
    cycles = len(latencies)
    return Result(statistics.median(latencies) / 1000, used / cycles * 1e6, cycles / elapsed)


@contextlib.contextmanager
def _devices(count: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.devices", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def _handwritten(
    folder: Path, rate: int, ports: list[str], modbus: int, seconds: float
) -> Iterator[subprocess.Popen[bytes]]:
    duration = str(seconds + _WARM_UP + 2)
    with _broker(folder) as broker:
        numbers = [str(rate), duration, str(modbus), str(broker)]
        command = [sys.executable, "-m", "benchmarks.handwritten", *numbers, *ports]
        with _process(command) as process:
            yield process


@contextlib.contextmanager
def _testbed(
    folder: Path, rate: int, ports: list[str], modbus: int, seconds: float
) -> Iterator[subprocess.Popen[bytes]]:
    bench = _write_bench(folder, rate or _FASTEST, ports, modbus)
    command = [sys.executable, "-m", "testbed", "run", str(bench), "--json"]
    with _process([*command, "--session", str(folder / "run.session")]) as process:
        yield process


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextlib.contextmanager
def _broker(folder: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    path = os.environ["PATH"] + ":/usr/sbin"
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with subprocess.Popen(
        ["mosquitto", "-c", str(config)], env={**os.environ, "PATH": path}, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for_port(port)
            yield port
        finally:
            process.terminate()


def _wait_for_port(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise RuntimeError("mosquitto does not answer; apt-get install mosquitto")


def _write_bench(folder: Path, rate: int, ports: list[str], modbus: int) -> Path:
    (folder / "thermometer.yaml").write_text(_THERMOMETER.format(rate=rate))
    (folder / "actuator.yaml").write_text(_ACTUATOR)
    lines = ["bench: loops", "devices:"]
    for number, port in enumerate(ports):
        wire = f"modbus+tcp://127.0.0.1:{modbus}?unit={number + 1}"
        lines.append(f'  t{number}: {{profile: thermometer, wire: "serial://{port}"}}')
        lines.append(f'  a{number}: {{profile: actuator, wire: "{wire}"}}')
    lines.append("loops:")
    lines += [_LOOP.format(number, rate) for number in range(len(ports))]
    bench = folder / "bench.yaml"
    bench.write_text("\n".join(lines) + "\n")
    return bench


def _cpu(pid: int) -> float:
    """Return the CPU seconds that a process has used, from /proc (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print_table(measure(quick="--quick" in sys.argv))
