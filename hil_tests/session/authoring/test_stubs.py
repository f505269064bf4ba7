"""Types of a bench: an editor and a type checker know its devices and signals by name."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hil_tests.session.compare.memory import RIG
from hil_tests.system.processes import ROOT, testbed
from testbed.bench import load_bench
from testbed.session.authoring import module_name, write_stub
from testbed.session.authoring.stubs import class_name

USE = """from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.testing import ReadableSignal

if TYPE_CHECKING:
    from thermal_rig import ThermalRig


async def test_it(bench: ThermalRig) -> None:
    await bench.chamber.setpoint.set(60, "degC")
    await bench["chamber"]["setpoint"].set(60, "degC")
    await bench.sleep("20 s")
    probe: ReadableSignal = bench.probe.temperature
    assert probe.value < bench["probe"].temperature.value + 1
"""


def checked(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Check a test against the stub of the demo bench."""
    (folder / "thermal_rig.pyi").write_text(write_stub(load_bench(RIG, {})))
    (folder / "test_it.py").write_text(text)
    # As in an environment that testbed is installed in: it is found, and its own code is not judged.
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--follow-imports=silent",
        "--cache-dir",
        str(folder.parent / "mypy"),
        "test_it.py",
    ]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, timeout=110, env=environment
    )


def test_a_type_checker_knows_every_signal_and_who_takes_commands(tmp_path: Path):
    done = checked(tmp_path, USE)
    assert done.returncode == 0, done.stdout
    wrong = [
        "bench.chambr.setpoint",
        "bench.chamber.setpont",
        'bench["chambr"]',
        'bench["chamber"]["setpont"]',
        "await bench.probe.temperature.set(60)",
    ]
    done = checked(tmp_path, USE + "".join(f"    {line}\n" for line in wrong))
    first = USE.count("\n") + 1
    told = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert told == set(range(first, first + len(wrong))), done.stdout


def test_a_stub_needs_no_mending_by_a_formatter(tmp_path: Path):
    file = tmp_path / "stub.pyi"
    text = write_stub(load_bench(RIG, {}))
    file.write_text(text)
    subprocess.run(
        [sys.executable, "-m", "ruff", "format", "-q", "--isolated", "--line-length", "200", str(file)],
        check=True,
    )
    assert file.read_text() == text


def test_names_that_python_cannot_have_as_attributes_are_known_in_brackets_only(tmp_path: Path):
    (tmp_path / "profiles").mkdir()
    profile = (RIG.parents[1] / "testbed" / "cli" / "scaffold" / "profiles" / "my-heater.yaml").read_text()
    (tmp_path / "profiles" / "my-heater.yaml").write_text(profile.replace("  duty:", "  class:"))
    bench = tmp_path / "bench.yaml"
    bench.write_text(
        "bench: 2nd rig\ndevices:\n"
        '  import: {profile: my-heater, wire: "serial:///dev/ttyUSB0?baud=115200"}\n'
        '  sleep: {profile: my-heater, wire: "serial:///dev/ttyUSB1?baud=115200"}\n'
    )
    text = write_stub(load_bench(bench, {}))
    ast.parse(text)
    assert "def import(" not in text
    assert "def class(" not in text
    assert "def sleep(" not in text
    assert 'Literal["import"]) -> Import' in text
    assert 'Literal["class"]) -> WritableSignal' in text
    assert "class _2ndRig(BenchHandle)" in text


@pytest.mark.parametrize(
    ("name", "module"),
    [("thermal-rig", "thermal_rig"), ("2nd rig", "bench_2nd_rig"), ("import", "bench_import")],
)
def test_a_bench_of_any_name_can_be_imported(name: str, module: str):
    assert module_name(name) == module


def test_no_two_classes_are_called_the_same():
    taken: set[str] = set()
    assert [class_name(name, taken) for name in ("fan_1", "fan1", "Fan-1", "none")] == [
        "Fan1",
        "Fan12",
        "Fan13",
        "None2",
    ]


def test_the_command_writes_them_anew_whenever_it_is_asked(tmp_path: Path):
    for _ in range(2):
        done = testbed("new", "stubs", "--bench", RIG, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "from thermal_rig import ThermalRig" in done.stdout
    assert "class ThermalRig(BenchHandle)" in (tmp_path / "thermal_rig.pyi").read_text()
    wrong = testbed("new", "stubs", "rig.py", "--bench", RIG, cwd=tmp_path)
    assert wrong.returncode == 2
    assert "write rig.pyi" in wrong.stderr
