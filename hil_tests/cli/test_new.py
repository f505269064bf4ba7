"""`testbed new DIR`: a bench of one's own that runs at once."""

import os
import subprocess
import sys

import pytest

from hil_tests.system.processes import testbed


def test_a_new_bench_is_valid_and_its_own_test_passes(tmp_path):
    folder = tmp_path / "my bench"
    made = testbed("new", folder)
    assert made.returncode == 0
    files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert files == {"bench.yaml", "profiles/my-heater.yaml", "test_bench.py"}
    assert all(str(folder / file) in made.stdout for file in files)

    checked = testbed("check", folder / "bench.yaml")
    assert checked.returncode == 0, checked.stderr

    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "1 passed" in tested.stdout


def test_an_empty_folder_is_taken(tmp_path):
    assert testbed("new", tmp_path).returncode == 0
    assert (tmp_path / "bench.yaml").exists()


@pytest.mark.parametrize("kind", ["folder with a file", "file"])
def test_what_is_there_is_never_written_over(tmp_path, kind):
    place = tmp_path / "mine"
    kept = place if kind == "file" else place / "bench.yaml"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    result = testbed("new", place)
    assert result.returncode == 2
    assert f"{place} exists and is not an empty folder" in result.stderr
    assert "Traceback" not in result.stderr
    assert kept.read_text() == "mine"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [kept]


def test_a_place_where_nothing_can_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    place = os.path.join(tmp_path, "file", "bench")
    result = testbed("new", place)
    assert result.returncode == 2
    assert place in result.stderr
    assert "Traceback" not in result.stderr
