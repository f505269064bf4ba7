"""First tests, of what a bench file expects and of what a person did: as a person would have written them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.session.compare.memory import RIG, change_rig, record_rig
from hil_tests.support.by_hand import run_by_hand
from hil_tests.system.processes import testbed as run_testbed
from testbed.bench import load_bench
from testbed.clock import VirtualClock
from testbed.errors import UsageError
from testbed.session.assembly import Assembly
from testbed.session.authoring import write_bench_test, write_session_test
from testbed.session.authoring.reaction import reaction
from testbed.session.console import Console
from testbed.session.file import SessionReader

BENCH = load_bench(RIG, {})


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session in which a person turned the chamber down, asked for too much and switched off."""
    path = tmp_path_factory.mktemp("by-hand") / "turned-down.session"

    async def hands(parts: Assembly, clock: VirtualClock) -> None:
        console = Console(BENCH, parts, clock.sleep)
        for line in ("wait 20 s", "chamber.setpoint 45 degC", "fan.pwm 500 %", "wait 20 s"):
            await console.carry_out(line)
        await console.carry_out("chamber.heater_enable off")
        await console.carry_out("wait 7 min")

    run_by_hand(BENCH, path, hands)
    return path


def formatted(file: Path) -> str:
    command = [sys.executable, "-m", "ruff", "format", "-q", "--isolated", "--line-length", "200", str(file)]
    subprocess.run(command, check=True)
    return file.read_text()


def test_a_bench_becomes_a_test_of_each_thing_that_it_expects(tmp_path: Path):
    expected = (
        "chamber.temperature stays above -10 degC",
        "chamber.temperature stays between -10 degC and 80 degC after 3 s",
        "fan.speed reaches 1200 rpm within 5 s",
    )
    added = "".join(f'\n  - "{text}"' for text in expected)
    bench = change_rig(tmp_path, ('\n  - "air.humidity stays good after 5 s"', added))
    text = write_bench_test(load_bench(bench, {}), Path("bench.yaml"), Path("test_rig.py"))
    calls = [line.strip() for line in text.splitlines() if "await" in line]
    assert calls == [
        'await expect(bench["probe"].temperature).to_settle(60, within="25 s", tolerance="1 K")',
        'await expect(bench["chamber"].temperature).to_stay_below(85, during="30 s")',
        'await expect(bench["fan"].speed).to_settle(1500, within="10 s", tolerance="60 rpm")',
        'await bench.sleep("10 s")',
        'await expect(bench["vent"].position).to_stay_good(during="30 s")',
        'await expect(bench["chamber"].temperature).to_stay_above(-10, during="30 s")',
        'await bench.sleep("3 s")',
        'await expect(bench["chamber"].temperature).to_stay_between(-10, 80, during="30 s")',
        'await expect(bench["fan"].speed).to_reach(at_least=1200, within="5 s")',
    ]
    names = [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.AsyncFunctionDef)]
    assert len(set(names)) == 7
    (tmp_path / "test_rig.py").write_text(text)
    assert formatted(tmp_path / "test_rig.py") == text


def test_what_a_person_did_becomes_a_test_that_does_it_again(by_hand: Path, tmp_path: Path):
    with SessionReader(by_hand) as session:
        text = write_session_test(session, Path("test_turned_down.py"))
    (tmp_path / "test_turned_down.py").write_text(text)
    assert formatted(tmp_path / "test_turned_down.py") == text
    assert "async def test_turned_down(bench):" in text
    body = text.partition('"""As recorded in turned-down.session."""')[2]
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    assert lines[:3] == [
        'await bench["chamber"].setpoint.set(45, "degC")',
        "with pytest.raises(CommandNotDone):  # fan.pwm: 500 is outside its limits 0 to 100 %",
        'await bench["fan"].pwm.set(500, "%")',
    ]
    assert 'await bench["chamber"].heater_enable.set(0)' in lines
    after = lines[lines.index('await bench["chamber"].heater_enable.set(0)') + 1 :]
    assert 1 <= len(after) <= 3
    assert all(".to_settle(" in line for line in after)
    assert any(
        'bench["chamber"].temperature' in line or 'bench["probe"].temperature' in line for line in after
    )
    assert "predicted" not in text


def test_first_tests_pass_as_they_stand_in_virtual_time(by_hand: Path, tmp_path: Path):
    (tmp_path / "test_bench.py").write_text(write_bench_test(BENCH, RIG, Path("test_bench.py")))
    with SessionReader(by_hand) as session:
        (tmp_path / "test_hand.py").write_text(write_session_test(session, Path("test_hand.py")))
    command = [sys.executable, "-m", "pytest", "-q", "--bench", str(RIG), "--hil", "virtual", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=100)
    assert done.returncode == 0, done.stdout


def test_a_session_without_a_person_becomes_no_test(tmp_path: Path):
    path = record_rig(tmp_path / "alone.session", 3.0)
    with SessionReader(path) as session, pytest.raises(UsageError, match="nobody gave a command"):
        write_session_test(session, Path("test_x.py"))


def test_the_commands_write_what_is_not_there_yet(by_hand: Path, tmp_path: Path):
    for arguments in (
        ["new", "test", "test_a.py", "--bench", RIG],
        ["record", by_hand, "--as-test", "test_b.py"],
    ):
        done = run_testbed(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        again = run_testbed(*arguments, cwd=tmp_path)
        assert (again.returncode, "no test is ever overwritten" in again.stderr) == (2, True)
    for name in ("test_a.py", "test_b.py"):
        ast.parse((tmp_path / name).read_text())


# What counts as a reaction -------------------------------------------------------------------------

LEVEL, STEP, NOISE = st.floats(-100, 100), st.floats(5, 100), st.floats(1e-4, 0.02)


def course(level: float, step: float, tau: float, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 20 s of a first-order course to `level` + `step`, sampled at 10 Hz."""
    times = np.arange(0.1, 20, 0.1)
    values = level + step * (1 - np.exp(-times / tau))
    return times, values + np.random.default_rng(seed).normal(0, noise, len(times))


@given(LEVEL, STEP, st.sampled_from([-1, 1]), st.floats(0.3, 1.5), NOISE, st.integers(0, 1000))
def test_a_signal_that_moved_and_came_to_rest_is_found_where_it_came(level, step, sign, tau, noise, seed):
    times, values = course(level, sign * step, tau, noise, seed)
    found = reaction(times, values, level)
    assert found is not None
    assert found.value == pytest.approx(level + sign * step, abs=found.tolerance)
    settled = values[times >= found.seconds]
    assert np.all(np.abs(settled - found.value) <= found.tolerance)
    assert found.change * sign > 0


@given(LEVEL, NOISE, st.integers(0, 1000))
def test_noise_is_no_reaction(level, noise, seed):
    times, values = course(level, 0, 1, noise, seed)
    assert reaction(times, values, level) is None


@given(LEVEL, STEP, st.floats(20, 100), NOISE)
def test_a_signal_that_is_still_moving_has_not_come_to_rest(level, step, tau, noise):
    assert reaction(*course(level, step, tau, noise, 0), level) is None
