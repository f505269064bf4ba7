"""`testbed record`: a bench run by hand, and a first test out of it."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from hil_tests.system.processes import TESTBED, testbed


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record") / "mine"
    assert testbed("new", folder).returncode == 0
    file = folder / "bench.yaml"
    file.write_text(file.read_text().partition("loops:")[0])  # nobody but the person turns the heater
    return file


@pytest.mark.parametrize("how", ["pipe", "file"])
def test_lines_on_stdin_are_commands_and_their_end_ends_the_run(bench: Path, tmp_path: Path, how: str):
    lines = "wait 0.5s\nheater.duty 30 %\nprobe.temperature\nheater.dutty 3\nwait 1 s\nheater.duty 0\n"
    command = [
        *TESTBED,
        "record",
        bench,
        "--emulate",
        "all",
        "--session",
        "hand.session",
        "--as-test",
        "test_hand.py",
    ]
    if how == "pipe":
        done = subprocess.run(
            command, input=lines, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
        )
    else:
        (tmp_path / "lines.txt").write_text(lines)
        with (tmp_path / "lines.txt").open() as file:
            done = subprocess.run(
                command, stdin=file, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
            )
    assert done.returncode == 0, done.stderr
    assert "verdict passed, recorded in hand.session" in done.stdout
    assert "heater.duty to 30 %: acknowledged" in done.stderr
    assert "did you mean 'heater.duty'" in done.stderr
    text = (tmp_path / "test_hand.py").read_text()
    ast.parse(text)
    assert 'await bench["heater"].duty.set(30, "%")' in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["latest"], "nothing says what to make of it"),
        (["no-such", "--as-test", "test_new.py"], "there is no session 'no-such'"),
        (["BENCH", "--as-test", "taken.py"], "no test is ever overwritten"),
        (["BENCH", "--session", "taken.py"], "no recording is ever overwritten"),
        (["missing.yaml"], "missing.yaml"),
    ],
)
def test_wrong_usage_is_told_before_anything_runs(
    bench: Path, tmp_path: Path, arguments: list[str], told: str
):
    (tmp_path / "taken.py").write_text("")
    done = testbed("record", *[each.replace("BENCH", str(bench)) for each in arguments], cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
