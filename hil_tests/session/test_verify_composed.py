"""What is wrong with a composed model is told by its place in the bench file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from testbed.bench import BenchFileError, load_bench
from testbed.session.verify import verify

BENCH = """\
bench: parts
devices:
  chamber: {profile: modbus/thermal-chamber, wire: "modbus+tcp://10.0.0.5:502?unit=1"}
twins:
  chamber:
    model: composed
    parts:
      heat: {model: thermal, parameters: {ambient: 20}}
      fan: {model: fan}
    connect: {heat.fan_speed: fan.speed}
    sums: {shown: [heat.air]}
    settings: {step: 0.2}
    outputs: {shown: chamber.temperature}
    inputs: {heater_duty: chamber.heater_duty}
"""


def problems(tmp_path: Path, old: str = "", new: str = "") -> str:
    assert old in BENCH
    file = tmp_path / "bench.yaml"
    file.write_text(BENCH.replace(old, new) if old else BENCH)
    try:
        asyncio.run(verify(load_bench(file, {})))
    except BenchFileError as error:
        return str(error).replace(str(file), "")
    return ""


def test_one_that_is_right_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path) == ""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("model: fan", "model: fun", "9:20: no model is called 'fun'"),
        ("model: fan", "model: arx", "9:12: the model arx needs file:"),
        ("model: fan", "model: arx, file: none.json", "none.json: there is no such file"),
        ("ambient: 20", "ambience: 20", "there is no parameter 'ambience'; did you mean 'ambient'?"),
        ("step: 0.2", "steps: 0.2", "12:16: the model composed takes no steps"),
        ("step: 0.2", "step: soon", "step is the longest step in s, above 0, not 'soon'"),
        ("heat.fan_speed:", "heat.fan_sped:", "heat has no input 'fan_sped'; did you mean 'fan_speed'?"),
        ("model: composed", "model: thermal", "7:5: the model thermal takes no parts"),
        ("outputs: {shown", "outputs: {show", "unknown output 'show'"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in problems(tmp_path, old, new)
