"""How fast samples become line protocol, and how fast a session gets into a real InfluxDB.

The peers are influxdb-client's own ways: `Point`, and its batching writer. Both ends share a server, and
the shim that makes Debian's InfluxDB 1.6.7 speak the v2 API runs in a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import multiprocessing
import socket
import tempfile
import time
import warnings
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

from hil_tests.support.influxdb import Influxd, free_port, influxd, serve
from testbed.bench import Influxdb
from testbed.clock import NS, SystemClock
from testbed.session.file import SessionReader, SessionWriter
from testbed.session.forward import Forwarder, Influx
from testbed.session.forward.lines import column, series
from testbed.signals import Sample, Signal

from .table import Row, print_table

START = 1_763_000_000 * NS
CHUNK = 250
"""Samples of a chunk: 250 ms of a signal at 1 kHz."""
SIGNALS = 20
TAGS = {
    "bench": "rig",
    "device": "probe",
    "quality": "good",
    "session": "2026-11-23T04:05:06.789Z",
    "unit": "degC",
}


def measure(quick: bool = False) -> list[Row]:
    import influxdb_client.client.influxdb_client_async  # noqa: F401  (the time of importing is nobody's)

    points, peer_points, rounds = (100_000, 10_000, 2) if quick else (200_000, 20_000, 3)
    ours = max(_rate(_columns, points) for _ in range(rounds))
    theirs = max(_rate(_points, peer_points) for _ in range(rounds))
    fastest = max(_rate(_questdb, points) for _ in range(rounds))
    rows = [
        _row("encoder: points per CPU second", ours, "influxdb-client's Point", theirs, 5),
        _row("the same", ours, "questdb's Buffer, in Rust", fastest, 0.5),
    ]
    with _server() as (server, target):
        ours = _forwarded(server, target, points)
        theirs = _batched(server, target, 2 * peer_points)
    return [*rows, _row("a session into InfluxDB, points/s", ours, "its batching writer", theirs, 5)]


def _row(name: str, ours: float, peer: str, theirs: float, factor: float) -> Row:
    return Row(name, ours, "", peer, theirs, f"at least {factor:g}x", ours >= factor * theirs)


# Encoders, one signal in chunks --------------------------------------------------------------------


def _rate(encode: Callable[[array[int], array[float]], int], points: int) -> float:
    """Return points per CPU second; what is encoded is exact to the last bit for each of them."""
    chunks = [
        (
            array("q", range(START + at, START + at + CHUNK)),
            array("d", [20 + math.sin(number) for number in range(at, at + CHUNK)]),
        )
        for at in range(0, points, CHUNK)
    ]
    began = time.process_time()
    size = sum(encode(times, values) for times, values in chunks)
    used = time.process_time() - began
    assert size > 100 * points
    return points / used


def _columns(times: array[int], values: array[float]) -> int:
    lines = column(series("thermometer", TAGS), "temperature", times, values)
    return len("\n".join(lines).encode())


def _points(times: array[int], values: array[float]) -> int:
    from influxdb_client import Point

    lines = []
    for time_ns, value in zip(times, values, strict=True):
        point = Point("thermometer")
        for key, tag in TAGS.items():
            point.tag(key, tag)
        lines.append(point.field("temperature", value).time(time_ns).to_line_protocol())
    return len("\n".join(lines).encode())


def _questdb(times: array[int], values: array[float]) -> int:
    from questdb.ingress import Buffer, TimestampNanos

    buffer = Buffer(protocol_version=1)
    for time_ns, value in zip(times, values, strict=True):
        buffer.row("thermometer", symbols=TAGS, columns={"temperature": value}, at=TimestampNanos(time_ns))
    return len(bytes(buffer))


# End to end ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _server() -> Iterator[tuple[Influxd, str]]:
    with tempfile.TemporaryDirectory() as name, influxd(Path(name)) as server:
        port = free_port()
        shim = multiprocessing.Process(target=serve, args=(port, server), daemon=True)
        shim.start()
        try:
            _await_port(port)
            yield server, f"http://127.0.0.1:{port}"
        finally:
            shim.terminate()
            shim.join()


def _await_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise TimeoutError("the shim did not start")


def _forwarded(server: Influxd, url: str, points: int) -> float:
    """Return points/s of a recorded session, from opening its file to the last one stored."""
    server.create("ours")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.session"
        asyncio.run(_record(path, points))
        began = time.perf_counter()
        asyncio.run(_forward(path, Influxdb(url, "bench", "ours")))
        took = time.perf_counter() - began
    assert _count(server, "ours", "m") == points
    return points / took


async def _record(path: Path, points: int) -> None:
    clock = SystemClock()
    signals = [Signal(number, "probe", f"s{number}", "V") for number in range(SIGNALS)]
    about = {"bench": "rig", "devices": {"probe": {"profile": "m"}}}
    writer = SessionWriter(
        path, clock, signals, metadata=about, attachments={}, on_failure=print, thread=False, period_s=0.01
    )
    writer.start()
    for number in range(points):
        writer.sample(Sample(number % SIGNALS, START + number, 20 + math.sin(number)))
        if number % (CHUNK * SIGNALS) == 0:
            await asyncio.sleep(0.011)  # so that it is committed in chunks
    writer.close({"verdict": "passed"})
    clock.close()


async def _forward(path: Path, target: Influxdb) -> None:
    with SessionReader(path) as session:
        async with Influx.open(target) as influx:
            await Forwarder(session, influx, target, patience=10.0).run(lambda: False)


def _batched(server: Influxd, url: str, points: int) -> float:
    """Return points/s of influxdb-client's batching writer, from the first to the last one stored."""
    from influxdb_client import InfluxDBClient, Point, WriteOptions

    server.create("theirs")
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = InfluxDBClient(url, token="", org="bench")
        writer = client.write_api(WriteOptions(batch_size=5000, flush_interval=1000))
        for number in range(points):
            point = Point("m").tag("bench", "rig").tag("device", "probe").tag("session", TAGS["session"])
            point.tag("unit", "V").tag("quality", "good")
            point.field(f"s{number % SIGNALS}", 20 + math.sin(number)).time(START + number)
            writer.write("theirs", "bench", point)
        writer.close()
        client.close()
    took = time.perf_counter() - began
    assert _count(server, "theirs", "m") == points
    return points / took


def _count(server: Influxd, database: str, measurement: str) -> int:
    rows = server.rows(database, f'SELECT count(*) FROM "{measurement}"')
    return sum(value for row in rows for name, value in row.items() if name.startswith("count_"))


if __name__ == "__main__":
    print_table(measure())
