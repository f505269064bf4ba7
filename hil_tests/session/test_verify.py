"""What only drivers, plants and models can check is found before anything is opened."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hil_tests.system.processes import RIG
from testbed.bench import Bench, BenchFileError, load_bench
from testbed.session.verify import verify

DEVICES = """\
bench: b
devices:
  probe: {profile: scpi/thermometer, wire: "serial:///dev/ttyUSB0"}
  fan: {profile: cobs/fan-driver, wire: "serial:///dev/ttyACM0"}
"""


def bench(folder: Path, text: str, **environment: str) -> Bench:
    file = folder / "bench.yaml"
    file.write_text(text)
    return load_bench(file, environment)


async def problems(folder: Path, text: str, **environment: str) -> list[str]:
    with pytest.raises(BenchFileError) as caught:
        await verify(bench(folder, text, **environment))
    return [f"{problem.line}: {problem.message} {problem.hint}".strip() for problem in caught.value.problems]


async def test_the_demo_bench_has_no_problem():
    await verify(load_bench(RIG, {}))


async def test_nothing_is_opened_meanwhile(tmp_path):
    """A port that could not be opened is no problem of the file."""
    await verify(bench(tmp_path, DEVICES))


@pytest.mark.parametrize(
    ("profile", "wire", "words"),
    [
        (
            "scpi/thermometer",
            "ble://C0:FF:EE:00:00:01",
            "is reached over serial:// or socket:// or rfc2217:// or nus://, not ble://",
        ),
        ("modbus/thermal-chamber", "serial:///dev/x", "is reached over modbus+tcp:// or modbus+rtu://"),
        ("modbus/thermal-chamber", "modbus+tcp://10.0.0.5?unit=x", "unit=x is not a whole number"),
        ("modbus/thermal-chamber", "modbus+tcp://10.0.0.5?unit=1000", "1000"),
        ("scpi/thermometer", "serial:///dev/ttyUSB0?baud=fast", "baud=fast is not a whole number"),
        ("scpi/thermometer", "serial:///dev/ttyUSB0?baud=${BAUD}", "baud=${BAUD} is not a whole number"),
        ("lorawan/vent-valve", "chirpstack+mqtt://h/1", "chirpstack+mqtt://"),
        ("lorawan/vent-valve", "chirpstack+mqtt://h/1/70b3d57ed0000001?tls=maybe", "tls=maybe"),
    ],
)
async def test_a_wire_that_its_driver_cannot_use_is_a_problem_at_its_place(tmp_path, profile, wire, words):
    text = f'bench: b\ndevices:\n  dut: {{profile: {profile}, wire: "{wire}"}}\n'
    found = await problems(tmp_path, text, BAUD="fast")
    assert len(found) == 1
    assert found[0].startswith("3: ")
    assert words in found[0]


async def test_all_that_is_wrong_is_told_at_once(tmp_path):
    text = DEVICES.replace("/dev/ttyUSB0", "/dev/ttyUSB0?baud=x").replace(
        "/dev/ttyACM0", "/dev/ttyACM0?parity=Z"
    )
    text += "plant: {model: no-such, connect: {}}\ntwins: {fan: {model: nor-this, predicts: speed}}\n"
    found = await problems(tmp_path, text)
    assert [problem.partition(":")[0] for problem in found] == ["3", "4", "5", "6"]


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        ("{fan.pwm: air_temperature}", "thermal-chamber has no input 'air_temperature'"),
        ("{fan_duty: probe.temperature}", "thermal-chamber has no output 'fan_duty'"),
        ("{fan.pwm: [fan_duty]}", "thermal-chamber has no input"),
    ],
)
async def test_what_is_connected_the_wrong_way_round_is_a_problem(tmp_path, plant, words):
    text = f"{DEVICES}plant: {{model: thermal-chamber, connect: {plant}}}\n"
    assert words in (await problems(tmp_path, text))[0]


@pytest.mark.parametrize("value", ["0", "-1", ".nan", ".inf"])
async def test_a_plant_or_model_that_no_physics_allows_is_a_problem(tmp_path, value):
    text = (
        f"{DEVICES}plant: {{model: thermal-chamber, connect: {{}}, parameters: {{air_capacity: {value}}}}}\n"
    )
    text += f"twins: {{fan: {{model: thermal, predicts: speed, parameters: {{load_capacity: {value}}}}}}}\n"
    found = await problems(tmp_path, text)
    assert len(found) == 2
    assert "air_capacity" in found[0]
    assert "load_capacity" in found[1]


async def test_a_controller_that_needs_what_is_not_installed_is_told_with_the_way_to_get_it(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "osqp", None)
    monkeypatch.delitem(sys.modules, "testbed.control.controllers.mpc", raising=False)
    text = RIG.read_text().replace(
        "{pid: {kp: 20, ki: 1.2}}", "{mpc: {error: 1 K, effort: 20 %, horizon: 5 s}}"
    )
    (problem,) = await problems(tmp_path, text)
    assert "model-predictive control needs osqp" in problem
    assert "pip install 'hil-testbed[mpc]'" in problem
