"""What a bench file says of twins, and what is wrong with it, by its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.bench import BenchFileError, TwinLevel, load_bench

DEVICES = """\
bench: b
devices:
  chamber: {profile: modbus/thermal-chamber, wire: "modbus+tcp://localhost:502"}
  probe: {profile: scpi/thermometer, wire: "serial:///dev/ttyUSB0"}
loops:
  hold:
    reads: probe.temperature
    writes: chamber.heater_duty
    controller: {pid: {kp: 1}}
    setpoint: 60 degC
    rate: 1 Hz
twins:
  chamber:
"""


def load(tmp_path: Path, twin: str):  # type: ignore[no-untyped-def]
    file = tmp_path / "b.yaml"
    file.write_text(DEVICES + "".join(f"    {line}\n" for line in twin.splitlines()))
    return load_bench(file, {})


def problems(tmp_path: Path, twin: str) -> str:
    with pytest.raises(BenchFileError) as failed:
        load(tmp_path, twin)
    return "\n".join(map(str, failed.value.problems))


WHOLE = """\
level: integrated
model: thermal
outputs: {air: [chamber.temperature, probe.temperature]}
estimates: {load: degF}
inputs: {heater_duty: chamber.heater_duty}
sensors: {probe.temperature: {lag: 200 ms, noise: 0.1 degF, resolution: 0.01 K}}
rate: 10 Hz
learns: {parameters: [heater_power], sensors: [probe.temperature], trial: 1 min, excite: {loop: hold, by: 1 K, for: 5 s}}
"""


def test_a_whole_one(tmp_path: Path) -> None:
    bench = load(tmp_path, WHOLE)
    twin = bench.twins["chamber"]
    assert twin.level is TwinLevel.INTEGRATED
    assert twin.model is not None
    chamber, probe = twin.model.sensors
    assert (chamber.signal.path, chamber.lag, chamber.noise) == ("chamber.temperature", 0.0, None)
    assert probe.prediction.path == "probe.temperature_predicted"
    assert (probe.lag, probe.resolution) == (0.2, 0.01)
    assert probe.noise == pytest.approx(0.1 / 1.8)
    assert (probe.residual.unit, probe.sigma.unit) == ("K", "K")
    assert twin.model.estimates["load"].path == "chamber.load_estimated"
    assert bench.said_by_twins >= {"probe.temperature_sigma", "chamber.load_estimated"}
    assert twin.model.period_ns == 100_000_000
    learns = twin.model.learns
    assert learns is not None
    assert (learns.parameters, learns.trial) == (("heater_power",), 60.0)
    assert learns.excite is not None
    assert (learns.excite.by, learns.excite.unit, learns.excite.lasts_ns) == (1.0, "K", 5_000_000_000)


@pytest.mark.parametrize(
    ("twin", "level"),
    [
        ("level: mirror", TwinLevel.MIRROR),
        ("parameters: {}", TwinLevel.MIRROR),
        ("{model: thermal, predicts: temperature}", TwinLevel.SIMULATION),
    ],
)
def test_the_level_that_is_meant(tmp_path: Path, twin: str, level: TwinLevel) -> None:
    assert load(tmp_path, twin).twins["chamber"].level is level


@pytest.mark.parametrize(
    ("twin", "told"),
    [
        ("level: mirror\nmodel: thermal\npredicts: temperature", "only mirrors, and has a model"),
        ("model: thermal", "a model needs outputs: {OUTPUT: DEVICE.SIGNAL}, or predicts: SIGNAL"),
        ("model: thermal\noutputs: {air: probe.temprature}", "probe has no signal 'temprature'"),
        (
            "model: thermal\noutputs: {air: probe.temperature, load: probe.temperature}",
            "probe.temperature is predicted already",
        ),
        (
            "model: thermal\npredicts: temperature\nsensors: {probe.temperature: {lag: 1 s}}",
            "probe.temperature measures no output of this model",
        ),
        (
            "model: thermal\npredicts: temperature\nsensors: {chamber.temperature: {noise: 0 K}}",
            "must be above 0 degC: no sensor is without",
        ),
        (
            "model: thermal\npredicts: temperature\nforesees: {hot: chamber.heater_duty above 3 %}",
            "is no limit of what this twin measures",
        ),
        (
            "model: thermal\npredicts: temperature\nforesees: {hot: chamber.temperature over 3}",
            "is no condition",
        ),
        ("model: thermal\npredicts: temperature\nrate: 0 Hz", "must be above 0 Hz"),
        (
            "model: thermal\npredicts: temperature\nlearns: {excite: {loop: hold, by: 1 K, for: 5 s}}",
            "a twin that is declared simulation may not move a setpoint",
        ),
        (
            "level: integrated\nmodel: thermal\npredicts: temperature\n"
            "learns: {excite: {loop: hodl, by: 1 K, for: 5 s}}",
            "no loop is called 'hodl'; did you mean 'hold'?",
        ),
        (
            "level: integrated\nmodel: thermal\npredicts: temperature\n"
            "learns: {excite: {loop: hold, by: 1 V, for: 5 s}}",
            "'V' is another quantity",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, twin: str, told: str) -> None:
    said = problems(tmp_path, twin)
    assert told.split(";")[0] in said
    assert "b.yaml:" in said
