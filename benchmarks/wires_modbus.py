"""Modbus/TCP: our client and our emulated device beside pymodbus', in turns, with the same far end.

The clients read from the bare device of benchmarks/devices.py; the servers are asked by a bare load.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.loops import _cpu as cpu_seconds
from benchmarks.table import Row, print_table

_PEER = "pymodbus on uvloop"
_DOCUMENTED = "pymodbus on asyncio"
_INFLIGHT = 8  # our default; pymodbus' client waits for each answer


@dataclass(frozen=True)
class Result:
    """Reads a second, and CPU us for each of them."""

    rate: float
    cpu: float


def measure(quick: bool = False) -> list[Row]:
    """Measure client and server."""
    rounds, seconds = (1, 1.0) if quick else (5, 2.0)
    contestants: dict[str, Callable[[], Result]] = {
        "client": lambda: _client("testbed", seconds, _INFLIGHT),
        "client, one at a time": lambda: _client("testbed", seconds, 1),
        "their client": lambda: _client("pymodbus", seconds, 1),
        "their client, documented": lambda: _client("documented", seconds, 1),
        "server": lambda: _server("testbed", seconds),
        "their server": lambda: _server("pymodbus", seconds),
        "their server, documented": lambda: _server("documented", seconds),
    }
    results: dict[str, list[Result]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contest in contestants.items():
            results[name].append(contest())
    return _rows({name: _median(each) for name, each in results.items()})


def _rows(found: dict[str, Result]) -> list[Row]:
    client, one, server = found["client"], found["client, one at a time"], found["server"]
    peer, peer_server = found["their client"], found["their server"]
    documented, documented_server = found["their client, documented"], found["their server, documented"]
    what = f"Modbus/TCP client, {_INFLIGHT} in flight"
    return [
        Row(f"{what}: reads", client.rate, "1/s", _PEER, peer.rate,
            "at least 3x", client.rate >= 3 * peer.rate),
        Row("  the same", client.rate, "1/s", _DOCUMENTED, documented.rate),
        Row("  one at a time", one.rate, "1/s", _PEER, peer.rate),
        Row(f"{what}: CPU per read", client.cpu, "us", _PEER, peer.cpu,
            "at most 1/2", client.cpu <= peer.cpu / 2),
        Row("  the same", client.cpu, "us", _DOCUMENTED, documented.cpu),
        Row("  one at a time", one.cpu, "us", _PEER, peer.cpu),
        Row("emulated Modbus/TCP device: reads answered", server.rate, "1/s", _PEER, peer_server.rate,
            "at least 4x", server.rate >= 4 * peer_server.rate),
        Row("  the same", server.rate, "1/s", _DOCUMENTED, documented_server.rate),
        Row("  its CPU per read", server.cpu, "us", _PEER, peer_server.cpu),
        Row("  the same", server.cpu, "us", _DOCUMENTED, documented_server.cpu),
    ]  # fmt: skip


def _client(whose: str, seconds: float, inflight: int) -> Result:
    return client_result("benchmarks.modbus_ends", "client", whose, str(inflight), seconds=seconds)


def client_result(*command: str, seconds: float) -> Result:
    """Run a client against the bare device; its port and the seconds follow its command."""
    with _process("benchmarks.devices", "0") as devices:
        port = str(json.loads(_line(devices))["modbus"])
        with _process(*command, port, str(seconds)) as client:
            return _result(client)


def _server(whose: str, seconds: float) -> Result:
    with _process("benchmarks.modbus_ends", "server", whose) as server:
        port, before = _line(server).strip(), cpu_seconds(server.pid)
        with _process("benchmarks.modbus_ends", "load", port, str(seconds)) as load:
            result = _told(load)
            # The warm-up's CPU is in it, so the warm-up's reads are too.
            used = cpu_seconds(server.pid) - before
        return Result(result["reads"] / result["seconds"], used / result["all"] * 1e6)


def _result(process: subprocess.Popen[str]) -> Result:
    told = _told(process)
    return Result(told["reads"] / told["seconds"], told["cpu"] / told["reads"] * 1e6)


def _told(process: subprocess.Popen[str]) -> dict[str, float]:
    told: dict[str, float] = json.loads(_line(process))
    return told


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@contextlib.contextmanager
def _process(*command: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-m", *command], stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _median(results: list[Result]) -> Result:
    return Result(
        statistics.median(result.rate for result in results),
        statistics.median(result.cpu for result in results),
    )


if __name__ == "__main__":
    print_table(measure())
