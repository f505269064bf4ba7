"""The demo bench on real wires with a random fault every two seconds: ten minutes, --quick one.

What is told at the end: whether every device is online again, whether a value that the plant never had was
taken for good, whether a command went out twice, and how the memory of the run grew.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.table import Row
from testbed.protocols.cobs import FIRST_COMMAND, LAST_COMMAND, Frame, FrameReader
from testbed.protocols.crc import CATALOGUE
from testbed.session.file import SessionReader

BENCH = Path(__file__).parent.parent / "benches" / "thermal-rig.yaml"
EVERY_S, QUIET_S = 2.0, 25.0
_ANYWHERE = ("delay", "jitter", "drop", "duplicate", "reorder", "split", "stall", "half-open", "disconnect")
_WITH_CHECKSUM = ("corrupt", "truncate", "wrong-answer", "stale-answer")
"""Only the fan's frames have one: elsewhere a wrong bit is a wrong value, and nobody could tell."""
_BEHIND = ("unplug", "reboot")
_TRUTH_K = 4.0  # two thermometers of one air, with their noise and lags, are no further apart


def measure(*, quick: bool) -> list[Row]:
    """Run it and look at the recording."""
    seconds = 60.0 if quick else 600.0
    with tempfile.TemporaryDirectory() as folder:
        session = Path(folder, "soak.session")
        faults = list(_faults(random.Random(2026), seconds - QUIET_S))
        memory = _run(session, seconds, faults)
        with SessionReader(session) as reader:
            away = _away(reader)
            lies, good = _lies(reader)
            twice = _twice(reader)
            injected = sum(event.kind == "fault" and "mended" not in event.text for event in reader.events())
    early, late = memory[len(memory) // 4], memory[-1]
    name = f"soak of {seconds / 60:g} min"
    return [
        Row(f"{name}: faults", injected, "", target="90 % of the planned", ok=injected >= 0.9 * len(faults)),
        Row(f"{name}: devices not online at the end", len(away), "", target="0", ok=not away),
        Row(f"{name}: false ones of {good:,} good temperatures", lies, "", target="0", ok=lies == 0),
        Row(f"{name}: commands sent twice", twice, "", target="0", ok=twice == 0),
        Row(
            f"{name}: memory at the end", late / 1024, "MiB", "after a quarter of it", early / 1024,
            "at most 1.1 of it", late < early * 1.1,
        ),
    ]  # fmt: skip


def _faults(chance: random.Random, seconds: float) -> list[str]:
    """Return what --fault is told: one every two seconds, each over before that device's next."""
    found, at = [], 5.0
    devices = ("chamber", "probe", "fan", "air", "vent")
    while at < seconds:
        device = devices[len(found) % len(devices)]
        names = [*_ANYWHERE, *_BEHIND, *(_WITH_CHECKSUM if device == "fan" else ())]
        name = chance.choice(names)
        lasts = "" if name == "reboot" else f"/{chance.uniform(0.3, 4.0):.2f}s"
        found.append(f"{device}:{name}@{at:.2f}s{lasts}")
        at += EVERY_S
    return found


def _run(session: Path, seconds: float, faults: list[str]) -> list[int]:
    """Run the bench; returns the resident memory in KiB, once a second."""
    command = [sys.executable, "-m", "testbed", "run", str(BENCH), "--emulate", "all", "--json"]
    command += ["--for", f"{seconds}s", "--session", str(session), *(f"--fault={each}" for each in faults)]
    memory: list[int] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while process.poll() is None:
            found = _resident(process.pid)
            memory += [found] if found else []
            time.sleep(1.0)
        assert process.stdout is not None
        json.loads(process.stdout.read().splitlines()[-1])
    return memory


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def _away(reader: SessionReader) -> set[str]:
    """Return the devices whose last word before the end was that they are offline."""
    stopped_ns = reader.meta()["stopped_ns"]
    state = {
        event.source: event.kind
        for event in reader.events()
        if event.kind in ("online", "offline") and event.time_ns < stopped_ns
    }
    return {device for device, kind in state.items() if kind == "offline"}


def _lies(reader: SessionReader) -> tuple[int, int]:
    """Count good samples of two thermometers that are far from what both said around that time."""
    numbers = [reader.signal(path).id for path in ("probe.temperature", "chamber.temperature")]
    samples = [(each.time_ns, each.value) for each in reader.samples(numbers) if each.quality == 0]
    around = 10
    lies = sum(
        abs(value - statistics.median(other for _, other in samples[max(0, n - around) : n + around]))
        > _TRUTH_K
        for n, (_, value) in enumerate(samples)
    )
    return lies, len(samples)


def _twice(reader: SessionReader) -> int:
    """Count command frames beyond the commands that were sent, of the two devices whose frames tell."""
    sent = Counter(reader.signals[command.signal].device for command in reader.commands() if command.sent_ns)
    frames = Counter[str]()
    cobs = FrameReader(CATALOGUE["crc16-ccitt-false"])
    for frame in reader.frames("chamber"):
        frames["chamber"] += frame.direction == 1 and frame.data[7:8] in (b"\x05", b"\x06", b"\x0f", b"\x10")
    for frame in reader.frames("fan"):
        if frame.direction == 1:
            frames["fan"] += sum(
                isinstance(each, Frame) and FIRST_COMMAND <= each.kind <= LAST_COMMAND
                for each in cobs.feed(frame.data)
            )
    return sum(max(0, frames[device] - sent[device]) for device in frames)
