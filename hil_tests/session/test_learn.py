"""`testbed learn` learns from a recording what the model of a twin leaves over."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from hil_tests.cli.inside import run_inside
from hil_tests.session.compare.memory import record_rig
from hil_tests.system.processes import ROOT
from testbed.errors import UsageError
from testbed.session.file import SessionReader
from testbed.session.learn import Leftover, learn, leftover
from testbed.session.recorded import recorded_bench
from testbed.twin.models.learned import Arx, GaussianProcess


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learn")
    told = yaml.safe_load((ROOT / "benches" / "fmu.yaml").read_text())
    twin = told["twins"]["chamber"]
    for key in ("file", "settings", "learns", "foresees"):
        del twin[key]
    twin["model"] = "thermal"
    told.pop("guard")
    told["loops"]["airflow"]["rate"] = "10 Hz"
    bench = folder / "bench.yaml"
    bench.write_text(yaml.safe_dump(told))
    return record_rig(folder / "a.session", 60.0, bench)


@pytest.fixture(scope="module")
def weak(session: Path, tmp_path_factory: pytest.TempPathFactory) -> Leftover:
    """Return what a model leaves over that believes in a heater of 400 W where there are 500."""
    with SessionReader(session) as reader:
        bench = recorded_bench(reader, tmp_path_factory.mktemp("bench"))
        twin = bench.twins["chamber"]
        assert twin.model is not None
        model = replace(twin.model, parameters={"heater_power": 400.0})
        bench = replace(bench, twins={**bench.twins, "chamber": replace(twin, model=model)})
        return leftover(reader, bench, "chamber", "chamber.temperature", 0.5)


def test_what_is_left_over_is_what_the_model_does_not_know(weak: Leftover) -> None:
    assert [each.name for each in weak.inputs] == ["heater_duty", "fan_speed"]
    assert (weak.output.name, weak.output.unit) == ("air_error", "degC")
    assert len(weak.residuals) == len(weak.given)
    assert weak.residuals[-1] > 3.0  # the chamber is warmer than a weak heater would make it
    assert weak.given[:, 1].mean() == pytest.approx(1500.0, rel=0.2)


def test_a_residual_learned_of_it_foretells_the_rest_of_the_session(weak: Leftover) -> None:
    learned = learn(weak, "arx", sparse=3.0)
    assert isinstance(learned.model, Arx)
    assert 20 * learned.after < learned.before


def test_a_gap_in_the_samples_is_no_sample(weak: Leftover) -> None:
    holed = weak.residuals.copy()
    holed[10:14] = np.nan
    assert learn(replace(weak, residuals=holed), "arx").after < learn(weak, "arx").before / 5


def test_a_gaussian_process_is_learned_likewise(weak: Leftover) -> None:
    some = replace(weak, residuals=weak.residuals[::2], given=weak.given[::2], period=1.0)
    learned = learn(some, "gaussian-process")
    assert isinstance(learned.model, GaussianProcess)
    assert learned.after < learned.before


def test_too_little_is_refused(weak: Leftover) -> None:
    with pytest.raises(UsageError, match="too few"):
        learn(replace(weak, residuals=weak.residuals[:8], given=weak.given[:8]), "arx")


def test_people_and_programs_are_told_and_the_file_is_a_model(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "error.json"
    told = run_inside(monkeypatch, capsys, "learn", session, "--period", "0.5s", "-o", file).stdout
    assert told.startswith("chamber.temperature: 121 periods of 0.5 s")
    assert "{model: arx, file: error.json}" in told
    done = run_inside(monkeypatch, capsys, "learn", session, "--period", "0.5s", "-o", file, "--json").stdout
    assert json.loads(done)["parameters"] == dict(
        zip((each.name for each in Arx({}, file).PARAMETERS), Arx({}, file).parameters, strict=True)
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--kind", "magic"], "--kind magic cannot be learned"),
        (["--period", "0s"], "--period 0s"),
        (["--sensor", "fan.speed"], "fan.speed measures no output of the twin of chamber"),
        (["--twin", "fan"], "fan has no twin with a model"),
        (["-o", "/nowhere/error.json"], "cannot be written"),
    ],
)
def test_what_is_asked_wrongly_is_told(
    session: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], told: str,
) -> None:  # fmt: skip
    done = run_inside(monkeypatch, capsys, "learn", session, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
