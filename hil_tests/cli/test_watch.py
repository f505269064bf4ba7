"""`testbed watch`: tests run again when a file changes that they have to do with."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.system.processes import TESTBED, testbed, wait_until

CONFTEST = """
def pytest_addoption(parser):
    try:
        parser.addoption("--hil")
    except ValueError:
        pass  # the plugin has it
"""


def _hear_ctrl_c() -> None:
    """Undo what a shell does to programs that it starts in the background: they do not hear SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def watching(folder: Path) -> Iterator[Path]:
    """Watch a folder in a process of its own; yields the file that holds what it says."""
    said = folder.parent / "said.txt"
    with said.open("wb") as file:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
        command = [*TESTBED, "watch", "--arg=-rA", "--arg=-pno:cacheprovider"]
        process = subprocess.Popen(
            command, cwd=folder, stdout=file, stderr=file, env=environment, preexec_fn=_hear_ctrl_c
        )
    try:
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
    assert code == 0, said.read_text()


def test_a_saved_file_runs_the_tests_that_need_it_and_no_others(tmp_path: Path):
    folder = tmp_path / "project"
    folder.mkdir()
    files = {"gains.py": "KP = 1\n", "test_a.py": "import gains\ndef test_one():\n    assert gains.KP == 1\n"}
    files |= {"test_b.py": "def test_two():\n    pass\n", "conftest.py": CONFTEST}
    for name, text in files.items():
        (folder / name).write_text(text)
    with watching(folder) as said:
        wait_until(lambda: "watching" in said.read_text(), "the first run", 40)
        first = said.read_text()
        assert "2 passed" in first
        (folder / "gains.py").write_text("KP = 2\n")
        wait_until(lambda: said.read_text().count("watching") == 2, "the second run", 40)
        second = said.read_text()[len(first) :]
        assert "gains.py: running 1 of the test files" in second
        assert "FAILED test_a.py::test_one" in second
        assert "test_two" not in second
        (folder / "unused.py").write_text("")
        wait_until(lambda: "unused.py: no test has to do with it" in said.read_text(), "the third change", 40)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["nowhere"], "there is no nowhere"), (["--hil", "real"], "tests are watched in virtual")],
)
def test_wrong_usage_is_told(tmp_path: Path, arguments: list[str], told: str):
    done = testbed("watch", *arguments, cwd=tmp_path)
    assert (done.returncode, told in done.stderr) == (2, True)
