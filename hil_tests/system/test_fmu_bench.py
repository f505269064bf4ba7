"""A bench whose twin follows an FMU, from the C file to the replayed recording."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hil_tests.cli.inside import run_inside
from testbed.session.file import SessionReader

from .processes import ROOT, testbed

pytestmark = pytest.mark.needs_system("gcc")

BENCH = ROOT / "benches" / "fmu.yaml"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fmu")
    build = [sys.executable, ROOT / "tools/build-fmu", ROOT / "benches/chamber-fmu", "-o", "chamber.fmu"]
    subprocess.run(build, cwd=folder, check=True)
    return Path(shutil.copy(BENCH, folder))


def test_the_twin_follows_an_fmu_and_the_recording_replays_anywhere(bench: Path, tmp_path: Path) -> None:
    session = tmp_path / "fmu.session"
    ran = testbed("run", bench, "--virtual", "--for", "8s", "--json", "--session", session)
    signals = json.loads(ran.stdout)["signals"]
    assert abs(signals["chamber.temperature_residual"]["last"]) < 0.3, ran.stderr
    assert signals["chamber.temperature_sigma"]["last"] < 0.1
    with SessionReader(session) as reader:
        assert reader.attachment("bench/chamber.fmu") == (bench.parent / "chamber.fmu").read_bytes()
        resolved = json.loads(reader.attachment("bench/resolved.json"))
    model = resolved["twins"]["chamber"]["model"]
    assert len(model["files"]["chamber.fmu"]) == 64
    assert model["parameters"]["heater_power"] == 500.0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert testbed("replay", session, "--virtual", cwd=elsewhere).stdout.endswith("\nsame\n")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("chamber.fmu", "chambre.fmu", "chambre.fmu: there is no such FMU"),
        ("chamber.fmu", "../chamber.fmu", "33:11: ../chamber.fmu is not in the folder of the bench file"),
        (
            "    settings:",
            "    settings:\n      kid: co-simulation",
            "35:7: the model fmu takes no kid: did you mean 'kind'?",
        ),
        ("    settings:", "    settings:\n      kind: co", "kind is model-exchange or co-simulation"),
        ("heater_power: 100", "heater: 1", "no state, output or parameter is called 'heater'"),
        ("{air: chamber.t", "{ear: chamber.t", "unknown output 'ear' (did you mean 'air'?)"),
        ("model: fmu", "model: thermal", "33:5: the model thermal takes no file"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(
    bench: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    told: str,
) -> None:
    text = bench.read_text()
    assert old in text
    wrong = bench.with_name("wrong.yaml")
    wrong.write_text(text.replace(old, new))
    result = run_inside(monkeypatch, capsys, "check", wrong)
    assert result.returncode == 2
    assert told in result.stderr


def test_a_torn_file_is_told(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = Path(shutil.copy(bench, tmp_path))
    with zipfile.ZipFile(tmp_path / "chamber.fmu", "w") as archive:
        archive.writestr("modelDescription.xml", "<fmiModelDescription")
    result = run_inside(monkeypatch, capsys, "check", torn)
    assert result.returncode == 2
    assert "chamber.fmu cannot be read as an FMU" in result.stderr
