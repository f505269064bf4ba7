"""The commands about sessions, as a user runs them: exit codes, stdout, one JSON object, quiet pipes."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.clock import NS
from testbed.errors import UsageError
from testbed.session.file import OVERRUN, find_session, summarize
from testbed.signals import Command, Event, Level, Outcome, Quality, Sample

from .recording import record

T0 = 1_763_000_000 * NS
EXPECTATION = {"text": "probe.temperature stays below 85 degC", "verdict": "passed", "margin": math.inf}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, in a locale that knows only ASCII."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "testbed", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "LC_ALL": "POSIX", "PYTHONUTF8": "0"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


PUBLISHED = [
    Sample(0, T0, 21.5),
    Sample(2, T0, 1.0),
    Sample(0, T0 + 1, -0.0),
    Sample(0, T0 + 2, 0.1 + 0.2, Quality.UNCERTAIN, "no answer for 3 periods"),
    Sample(0, T0 + 3, math.nan, Quality.BAD, "offline: pulled"),
]


async def a_session(folder: Path, name: str = "friday") -> Path:
    """Record a small run into `folder`/sessions."""
    path = folder / "sessions" / f"{name}.session"
    end = {"expectations": [{**EXPECTATION, "unit": "degC"}]}
    async with record(path, metadata={"bench": "thermal-rig"}, end=end) as writer:
        for sample in PUBLISHED:
            writer.sample(sample)
        hold = writer.cycles("hold")
        writer.cycles("idle")
        for number in range(1, 101):
            hold.add(T0 + number, number * 1000, 0, 2000, number * 10_000, OVERRUN if number > 98 else 0)
        hold.add(T0 + 101, 1000, 0, 500, -1, 0)  # written on a wire that does not acknowledge
        hold.add(T0 + 102, 1000, 0, -1, -1, 0)  # no command
        command = Command(1, 40.0, "loop hold", T0, T0 + NS)
        command.finish(Outcome.ACKNOWLEDGED, T0 + 5)
        writer.command(command)
        writer.event(Event(T0 + 3, Level.WARNING, "probe", "offline", "[red]pulled[/red] µ"))
    return path


async def test_the_summary_is_what_the_run_recorded(tmp_path):
    path = await a_session(tmp_path)
    summary = summarize(path)
    json.dumps(summary, allow_nan=False)
    assert summary["session"] == str(path)
    assert summary["verdict"] == "passed"
    assert summary["signals"] == {
        "probe.temperature": {"count": 4, "last": None, "unit": "degC", "quality": "bad"},
        "heater.duty": {"count": 0, "last": None, "unit": "%", "quality": "bad"},
        "fan.running": {"count": 1, "last": 1.0, "unit": "", "quality": "good"},
    }
    # 101 cycles caused a command: 0.5 us and 10 to 1000 us; 102 were as late as 1 to 100 us.
    assert summary["loops"]["hold"] == {
        "cycles": 102,
        "overruns": 2,
        "lateness_us": {"p50": 49.0, "p99": 99.0},
        "latency_us": {"p50": 500.0, "p99": 990.0},
    }
    nothing = {"p50": None, "p99": None}
    assert summary["loops"]["idle"] == {
        "cycles": 0,
        "overruns": 0,
        "lateness_us": nothing,
        "latency_us": nothing,
    }
    assert summary["expectations"] == [{**EXPECTATION, "margin": None, "unit": "degC"}]
    assert summary["commands"] == {"acknowledged": 1}
    assert summary["events"] == {"warning": 1}


async def test_a_session_that_runs_still_is_unfinished_and_so_are_its_expectations(tmp_path):
    path = tmp_path / "a.session"
    async with record(path, metadata={"expectations": ["probe.temperature stays below 85 degC"]}):
        summary = summarize(path)
    assert summary["verdict"] == "unfinished"
    assert summary["expectations"] == [
        {
            "text": "probe.temperature stays below 85 degC",
            "verdict": "unfinished",
            "margin": None,
            "unit": "",
        }
    ]


async def test_show_prints_one_json_object_or_tables(tmp_path):
    path = await a_session(tmp_path)
    for name in (str(path), "friday", "latest"):
        shown = run(tmp_path, "show", name, "--json")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert json.loads(shown.stdout)["signals"] == summarize(path)["signals"]
    tables = run(tmp_path, "show", "friday")
    assert (tables.returncode, tables.stderr) == (0, "")
    for part in ("passed", "probe.temperature", "stays below 85 degC", "hold", "[red]pulled[/red]"):
        assert part in tables.stdout


async def test_sessions_lists_the_newest_first_and_the_damaged_last(tmp_path):
    await a_session(tmp_path, "friday")
    await a_session(tmp_path, "monday")
    (tmp_path / "sessions" / "cut.session").write_bytes(b"SQLite format 3\0")
    listed = json.loads(run(tmp_path, "sessions", "--json").stdout)["sessions"]
    assert [Path(each["session"]).stem for each in listed] == ["monday", "friday", "cut"]
    assert [each["verdict"] for each in listed] == ["passed", "passed", "damaged"]
    assert run(tmp_path, "show", "latest").stdout.startswith("sessions/monday.session")
    table = run(tmp_path, "sessions", "sessions").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["session", "monday", "friday", "cut"]


async def test_the_csv_is_what_was_published(tmp_path):
    await a_session(tmp_path)
    exported = run(tmp_path, "export", "friday", "--to", "csv")
    assert (exported.returncode, exported.stderr) == (0, "")
    assert exported.stdout.splitlines() == [
        "time_ns,device,signal,value,unit,quality",
        f"{T0},probe,temperature,21.5,degC,good",
        f"{T0},fan,running,1.0,,good",
        f"{T0 + 1},probe,temperature,-0.0,degC,good",
        f"{T0 + 2},probe,temperature,0.30000000000000004,degC,uncertain",
        f"{T0 + 3},probe,temperature,,degC,bad",
    ]
    values = [row["value"] for row in csv.DictReader(io.StringIO(exported.stdout))]
    assert [float(value) if value else None for value in values] == [21.5, 1.0, -0.0, 0.1 + 0.2, None]
    assert run(tmp_path, "export", "friday", "--to", "csv", "-o", "friday.csv").stdout == ""
    assert (tmp_path / "friday.csv").read_text() == exported.stdout


async def test_a_reader_that_stops_early_gets_no_complaint(tmp_path):
    path = tmp_path / "sessions" / "long.session"
    async with record(path) as writer:
        for number in range(20_000):  # more than any pipe holds
            writer.sample(Sample(0, T0 + number, float(number)))
    process = await asyncio.create_subprocess_shell(
        f"set -o pipefail; {sys.executable} -W error -m testbed export {path} | head -n 1",
        executable="/bin/bash",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert out == b"time_ns,device,signal,value,unit,quality\n"
    assert (err, process.returncode) == (b"", 0)


WRONG = {
    ("show", "fridya"): (2, "did you mean 'friday'?"),
    ("show", "sessions"): (2, "is a folder"),
    ("show", "cut.session"): (3, "cut.session"),
    ("export", "cut.session"): (3, "cut.session"),
    ("export", "friday", "-o", "no/such/folder.csv"): (2, "cannot write no/such/folder.csv"),
    ("export", "friday", "-o", "sessions/friday.session"): (2, "is the session itself"),
    ("sessions", "nowhere"): (2, "there is no folder nowhere"),
}


async def test_what_cannot_be_done_ends_in_one_error_and_its_exit_code(tmp_path):
    await a_session(tmp_path)
    (tmp_path / "cut.session").write_bytes(b"half a recording")
    for arguments, (code, told) in WRONG.items():
        failed = run(tmp_path, *arguments)
        assert (failed.returncode, failed.stdout) == (code, ""), arguments
        assert told in failed.stderr
        assert "Traceback" not in failed.stderr


def test_latest_of_no_sessions_says_how_to_record_one(tmp_path):
    (tmp_path / "sessions").mkdir()
    with pytest.raises(UsageError, match="testbed run"):
        find_session("latest", tmp_path / "sessions")
