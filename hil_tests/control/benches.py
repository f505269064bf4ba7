"""A small thermal bench in virtual time, with loops of the test's own."""

from __future__ import annotations

from pathlib import Path

from testbed.bench import Bench, load_bench
from testbed.session.file import Cycle, SessionReader
from testbed.session.virtual import run_virtually

DEVICES = """\
bench: control
devices:
  chamber:
    profile: modbus/thermal-chamber
    wire: "modbus+tcp://10.0.0.5:502?unit=1"
    configure: {heater_enable: true}
  probe: {profile: scpi/thermometer, wire: "serial:///dev/ttyUSB0?baud=115200"}
plant:
  model: thermal-chamber
  connect:
    chamber.heater_enable: heater_enable
    chamber.heater_duty: heater_duty
    air_temperature: [chamber.temperature, probe.temperature]
    load_temperature: chamber.load_temperature
  sensors:
    probe.temperature: {lag: 0.2 s, noise: 0.02 K}
"""


def bench_of(folder: Path, text: str) -> Bench:
    """Return the devices with the rest of a bench file."""
    file = folder / "bench.yaml"
    file.write_text(DEVICES + text)
    return load_bench(file, {})


def run_bench(folder: Path, text: str, seconds: float) -> Path:
    """Run the devices with the rest of a bench file in virtual time; return the session."""
    path = folder / "run.session"
    run_virtually(bench_of(folder, text), path, seconds, seed=1, tell=lambda event: None)
    return path


def cycles(session: Path, loop: str) -> list[tuple[float, Cycle]]:
    """Return the cycles of a loop, with their times in s since the start."""
    with SessionReader(session) as reader:
        start_ns, _ = reader.span()
        return [((cycle.time_ns - start_ns) / 1e9, cycle) for cycle in reader.cycles(loop)]


def values(session: Path, path: str) -> list[tuple[float, float]]:
    """Return (s since the start, value) of the samples of a signal."""
    with SessionReader(session) as reader:
        start_ns, _ = reader.span()
        (number,) = (signal.id for signal in reader.signals if signal.path == path)
        return [((sample.time_ns - start_ns) / 1e9, sample.value) for sample in reader.samples([number])]
