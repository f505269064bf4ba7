"""Closed loops: ours against the hand-written script, on the same devices, round by round in turn.

Latency is from the device's answer to the acknowledged write; the devices (benchmarks/devices.py) count
the cycles and the system the CPU, from the outside and only while the loops run. Ours records
everything into a session file meanwhile, the script publishes each cycle to a broker.
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
from testbed.session.file import SessionReader

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
    ours, peer, floor = _rounds(20, 100, rounds, seconds, _Testbed, _Handwritten, _Floor)
    fast, fast_peer = _rounds(1, 0, rounds, seconds, _Testbed, _Handwritten)
    latency, cpu, speed = peer.latency / ours.latency, ours.cpu / peer.cpu, fast.rate / fast_peer.rate
    return [
        Row("20 loops at 100 Hz: sample to actuation p50", ours.latency, "us", _PEER, peer.latency,
            "at least 20x lower", latency >= 20),
        Row("  the barest loops, on this machine now", floor.latency, "us", _PEER, peer.latency),
        Row("20 loops at 100 Hz: CPU per cycle, recording", ours.cpu, "us", _PEER, peer.cpu,
            "at most 1/3", cpu <= 1 / 3),
        Row("  the barest loops, on this machine now", floor.cpu, "us", _PEER, peer.cpu),
        Row("20 loops at 100 Hz: cycles", ours.rate, "1/s", _PEER, peer.rate),
        Row("one loop as fast as it goes", fast.rate, "1/s", _PEER, fast_peer.rate,
            "at least 2x", speed >= 2),
    ]  # fmt: skip


def _rounds(
    count: int, rate: int, rounds: int, seconds: float, *controllers: type[_Controller]
) -> list[Result]:
    """Return each controller's medians over rounds in which they take turns."""
    results: dict[type[_Controller], list[Result]] = {each: [] for each in controllers}
    for _ in range(rounds):
        for controller in reversed(controllers):
            results[controller].append(_round(count, rate, seconds, controller))
    return [_median(results[controller]) for controller in controllers]


def _median(results: list[Result]) -> Result:
    return Result(
        statistics.median(result.latency for result in results),
        statistics.median(result.cpu for result in results),
        statistics.median(result.rate for result in results),
    )


def _round(count: int, rate: int, seconds: float, controller: type[_Controller]) -> Result:
    with tempfile.TemporaryDirectory() as folder, _devices(count) as devices:
        told = json.loads(devices.ask())
        with controller(Path(folder), rate, told["ports"], told["modbus"], seconds) as running:
            time.sleep(_WARM_UP)
            start, cpu, before = time.monotonic(), _cpu(running.process.pid), int(devices.ask("count"))
            time.sleep(seconds)
            writes, used = int(devices.ask("count")) - before, _cpu(running.process.pid) - cpu
            end = time.monotonic()
            latencies = [latency for when, latency in running.latencies() if start <= when <= end]
    return Result(statistics.median(latencies) * 1e6, used / writes * 1e6, writes / (end - start))


class _Process:
    """A process that is spoken to line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, line: str = "") -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if line:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        return self._process.stdout.readline()


@contextlib.contextmanager
def _devices(count: int) -> Iterator[_Process]:
    command = [sys.executable, "-m", "benchmarks.devices", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _Process(process)
        finally:
            process.kill()


class _Controller:
    """A controller in a process of its own, from entering to leaving the block."""

    def __init__(self, folder: Path, rate: int, ports: list[str], modbus: int, seconds: float) -> None:
        self.folder = folder
        self.stack = contextlib.ExitStack()
        command = self.command(rate, ports, modbus, seconds)
        self.process = self.stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        )

    def __enter__(self) -> _Controller:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.stack.close()

    def command(self, rate: int, ports: list[str], modbus: int, seconds: float) -> list[str]:
        """Return what starts it."""
        raise NotImplementedError

    def latencies(self) -> list[tuple[float, float]]:
        """End it; return (when a write was acknowledged, how long after the device's answer) in seconds."""
        raise NotImplementedError


class _Script(_Controller):
    """A controller that prints its latencies when its time is over."""

    def latencies(self) -> list[tuple[float, float]]:
        assert self.process.stdout is not None
        return [(when, latency) for when, latency in json.loads(self.process.stdout.read())]


class _Floor(_Script):
    def command(self, rate: int, ports: list[str], modbus: int, seconds: float) -> list[str]:
        numbers = [str(rate), str(seconds + _WARM_UP + 1), str(modbus)]
        return [sys.executable, "-m", "benchmarks.floor", *numbers, *ports]


class _Handwritten(_Script):
    def command(self, rate: int, ports: list[str], modbus: int, seconds: float) -> list[str]:
        broker = self.stack.enter_context(_broker(self.folder))
        numbers = [str(rate), str(seconds + _WARM_UP + 1), str(modbus), str(broker)]
        return [sys.executable, "-m", "benchmarks.handwritten", *numbers, *ports]


class _Testbed(_Controller):
    def command(self, rate: int, ports: list[str], modbus: int, seconds: float) -> list[str]:
        bench = _write_bench(self.folder, rate or _FASTEST, ports, modbus)
        session = str(self.folder / "run.session")
        return [sys.executable, "-m", "testbed", "run", str(bench), "--json", "--session", session]

    def latencies(self) -> list[tuple[float, float]]:
        self.process.terminate()
        self.process.wait()
        offset = time.time_ns() - time.monotonic_ns()
        found = []
        with SessionReader(self.folder / "run.session") as session:
            answers = {
                signal.device[1:]: dict(zip(*session.series(signal.id)[:2], strict=True))
                for signal in session.signals
                if signal.name == "temperature"
            }
            for loop in session.loops():
                for cycle in session.cycles(loop):
                    if cycle.acknowledged_ns >= 0:
                        sampled = cycle.time_ns - cycle.age_ns
                        acknowledged = (sampled + cycle.acknowledged_ns - offset) / 1e9
                        found.append((acknowledged, acknowledged - answers[loop[1:]][sampled]))
        return found


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
    """Return the CPU seconds of a process, all its threads, to the nanosecond.

    From the scheduler's own account (proc(5), schedstat), where the system keeps one: the times that
    are counted in clock ticks miss bursts that are shorter than a tick.
    """
    threads = list(Path(f"/proc/{pid}/task").iterdir())
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


if __name__ == "__main__":
    print_table(measure(quick="--quick" in sys.argv))
