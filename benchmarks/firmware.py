"""Firmware on an emulated Cortex-M3: round trip beside a raw pty, telemetry, idle cost, start."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import yaml

from benchmarks.table import Row, print_table
from testbed.bench.boards import Firmware
from testbed.bench.device import Device, make_signals
from testbed.bench.profile import SHIPPED, find_profile, load_profile
from testbed.bench.wires import parse_wire
from testbed.clock import SystemClock
from testbed.emulators import EmulatedDevice, EmulatorContext, Store
from testbed.emulators.firmware.server import serve_firmware
from testbed.emulators.places import SystemPlaces
from testbed.links import open_serial
from testbed.protocols.cobs import BadFrame, FrameReader
from testbed.protocols.crc import CATALOGUE

ROOT = Path(__file__).parents[1]
STUBS = ROOT / "firmware_stubs"
IMAGES = STUBS / "build" / "mps2-an385"
_FRAMES = 10_000  # a second


def measure(quick: bool = False) -> list[Row]:
    """Measure with images that are built here; raises CalledProcessError without the compilers."""
    _make(STUBS, "BOARDS=mps2-an385")
    count, seconds = (300, 3) if quick else (2000, 10)
    raw, through = asyncio.run(_round_trips(count))
    frames, lost, bad = asyncio.run(_telemetry(seconds))
    idle = asyncio.run(_idle(3 if quick else 10))
    start = min(_start() for _ in range(1 if quick else 3))
    return [
        Row(
            "query through QEMU: p50", through * 1e6, "us", "raw pty echo", raw * 1e6,
            target="at most 5x", ok=through <= 5 * raw,
        ),
        Row("telemetry frames", frames, "1/s", target="10,000", ok=frames >= 0.99 * _FRAMES),
        Row("telemetry: lost or corrupt", lost + bad, "frames", target="none", ok=lost + bad == 0),
        Row("idle guest: CPU", idle * 100, "%", target="at most 3 %", ok=idle <= 0.03),
        Row("firmware: ready after", start, "s", target="under 1 s", ok=start < 1),
    ]  # fmt: skip


def _make(folder: Path, *arguments: str) -> None:
    command = ["make", "-C", str(folder), f"TESTBED={sys.executable} -m testbed", f"PYTHON={sys.executable}"]
    subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL)


@contextlib.asynccontextmanager
async def _running(image: Path, profile: Path) -> AsyncIterator[str]:
    """Run firmware; yields the port at which it answers."""
    clock = SystemClock()
    loaded = load_profile(profile)
    device = Device(
        "dut", parse_wire("serial:///dev/ttyUSB0"), loaded, make_signals("dut", loaded, 0),
        firmware=Firmware("mps2-an385", image),
    )  # fmt: skip
    ports: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        context = EmulatorContext(clock, random.Random(0), SystemPlaces(Path(folder)))
        ready = asyncio.Event()

        def answering(name: str, wire: str) -> None:
            ports.append(parse_wire(wire).path)
            ready.set()

        serving = asyncio.create_task(
            serve_firmware(EmulatedDevice(device, Store(device)), context, answering)
        )
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        try:
            yield ports[0]
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            clock.close()


# Round trip -------------------------------------------------------------------------------------


async def _round_trips(count: int) -> tuple[float, float]:
    """Return the p50 of a raw pty echo and of a query through QEMU, in seconds, measured by turns."""
    profile = find_profile("scpi/thermistor-node", ROOT)
    assert profile is not None
    raw: list[float] = []
    through: list[float] = []
    async with _running(IMAGES / "thermistor.bin", profile) as port:
        with _echo() as echo, _client(echo) as ask_echo, _client(port) as ask_node:
            for _ in range(10):  # by turns: the same load for both, whatever else the machine does
                raw += [await ask_echo(b"SYST:BOOT?\n") for _ in range(count // 10)]
                through += [await ask_node(b"SYST:BOOT?\n") for _ in range(count // 10)]
    return statistics.median(raw), statistics.median(through)


@contextlib.contextmanager
def _client(port: str) -> Iterator[Callable[[bytes], Awaitable[float]]]:
    """Ask over our own serial link, as drivers do; yields what asks and returns the seconds it took."""
    answer: asyncio.Future[None] | None = None

    def received(time_ns: int, data: bytes) -> None:
        if data.endswith(b"\n") and answer is not None and not answer.done():
            answer.set_result(None)

    async def ask(message: bytes) -> float:
        nonlocal answer
        answer = asyncio.get_running_loop().create_future()
        begin = time.perf_counter()
        link.write(message)
        await answer
        return time.perf_counter() - begin

    clock = SystemClock()
    link = open_serial(port, clock, received=received, lost=lambda reason: None)
    try:
        yield ask
    finally:
        link.close()
        clock.close()


@contextlib.contextmanager
def _opened(port: str) -> Iterator[int]:
    end = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        yield end
    finally:
        os.close(end)


@contextlib.contextmanager
def _echo() -> Iterator[str]:
    """Echo lines in a process of its own, as bare as it can be; yields its port."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    code = "import os,sys\nfd=int(sys.argv[1])\nwhile True: os.write(fd, os.read(fd, 64))"
    with subprocess.Popen([sys.executable, "-c", code, str(master)], pass_fds=(master,)) as process:
        try:
            os.write(slave, b"\n")
            os.read(slave, 1)
            yield os.ttyname(slave)
        finally:
            process.terminate()
            os.close(slave)
            os.close(master)


# Telemetry --------------------------------------------------------------------------------------


async def _telemetry(seconds: int) -> tuple[float, int, int]:
    """Return (frames a second, lost, damaged) of a fan node that sends 10,000 frames a second."""
    with tempfile.TemporaryDirectory() as folder:
        image, profile = _fast_fan(Path(folder))
        async with _running(image, profile) as port:
            return await asyncio.to_thread(_listen, port, seconds)


def _fast_fan(folder: Path) -> tuple[Path, Path]:
    spec = yaml.safe_load((SHIPPED / "cobs" / "fan-node.yaml").read_text())
    for signal in ("speed", "current"):
        spec["signals"][signal]["rate"] = f"{_FRAMES} Hz"
    subprocess.run(["cp", "-r", str(STUBS), str(folder / "stubs")], check=True)
    stubs = folder / "stubs"
    profile = stubs / "nodes" / "profiles" / "cobs" / "fast-fan.yaml"
    profile.parent.mkdir(parents=True)
    profile.write_text(yaml.safe_dump(spec))
    node = yaml.safe_load((stubs / "nodes" / "fan.yaml").read_text())
    (stubs / "nodes" / "fan.yaml").write_text(yaml.safe_dump({**node, "profile": "cobs/fast-fan"}))
    _make(stubs, "BOARDS=mps2-an385", "NODES=fan", "clean", "mps2-an385")
    return stubs / "build" / "mps2-an385" / "fan.bin", profile


def _listen(port: str, seconds: int) -> tuple[float, int, int]:
    reader = FrameReader(CATALOGUE["crc16-ccitt-false"])
    frames, lost, expected = 0, 0, -1
    with _opened(port) as end:
        chunks: list[bytes] = []
        start = time.monotonic() + 0.5  # what stood in the pty before we listened is gone by then

        def drain() -> None:
            while (now := time.monotonic()) < start + seconds:
                data = os.read(end, 4096)
                if now >= start:
                    chunks.append(data)

        # Read first and decode afterwards: what is measured is the wire, not this reader.
        thread = threading.Thread(target=drain)
        thread.start()
        thread.join()
    data = b"".join(chunks)
    data = data[data.index(b"\0") + 1 :]  # the rest of a frame that began before
    bad = 0
    for frame in reader.feed(data):
        if isinstance(frame, BadFrame):
            bad += 1
        elif frame.kind == 1:
            if expected >= 0:
                lost += (frame.sequence - expected) & 0xFF
            expected = (frame.sequence + 1) & 0xFF
            frames += 1
    return frames / seconds, lost, bad


# Idle and start ---------------------------------------------------------------------------------


async def _idle(seconds: float) -> float:
    """Return the share of a core that a thermistor node takes when nobody asks it anything."""
    profile = find_profile("scpi/thermistor-node", ROOT)
    assert profile is not None
    async with _running(IMAGES / "thermistor.bin", profile):
        guest = _child("qemu-system-arm")
        await asyncio.sleep(1)
        before = _cpu(guest)
        await asyncio.sleep(seconds)
        return (_cpu(guest) - before) / seconds


def _child(name: str) -> int:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            command, rest = stat.read_text().split(" (", 1)[1].rsplit(") ", 1)
            if command.startswith(name[:15]) and int(rest.split()[1]) == os.getpid():
                return int(stat.parent.name)
    raise RuntimeError(f"{name} does not run")


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _start() -> float:
    """Return the seconds from `testbed emulate` to the line that says that both nodes answer."""
    bench = ROOT / "benches" / "firmware-in-the-loop.yaml"
    begin = time.monotonic()
    command = [sys.executable, "-m", "testbed", "emulate", str(bench), "--only", "probe,fan", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        elapsed = time.monotonic() - begin
        process.terminate()
    if len(told["devices"]) != 2:
        raise RuntimeError(f"not both could be emulated: {told.get('failed')}")
    return elapsed


if __name__ == "__main__":
    print_table(measure(quick="--quick" in sys.argv))
