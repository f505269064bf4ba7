"""`testbed forward`, and `testbed run` with an influxdb section, as their user meets them."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from hil_tests.support.influxdb import shim
from hil_tests.system.processes import rewired, running, testbed, wait_until
from testbed.session.file import SessionReader

from .sessions import everything_is_stored, record, steady

pytestmark = pytest.mark.needs_system("influxd")

TOKEN = "example-token"  # noqa: S105
NOBODY = "http://127.0.0.1:1"
WITH_TOKEN = {**os.environ, "INFLUX_TOKEN": TOKEN}


@pytest.fixture
def guarded(place):
    """The place behind a shim that asks for the token."""
    with shim(place.server, token=TOKEN) as front:
        yield place._replace(shim=front)


def bench(folder: Path, url: str, bucket: str) -> Path:
    """Write a bench of one thermometer that names a bucket."""
    influxdb = {"url": url, "org": "bench", "bucket": bucket, "token": "${INFLUX_TOKEN}"}
    return rewired(folder, {"probe": "serial:///dev/ttyUSB0"}, expect=[], influxdb=influxdb)


def recorded_virtually(folder: Path, file: Path) -> Path:
    path = folder / "a.session"
    result = testbed("run", file, "--virtual", "--for", "5s", "--session", path)
    assert result.returncode == 0, result.stderr
    return path


# Later --------------------------------------------------------------------------------------------


def test_a_session_goes_where_its_bench_file_says_with_the_token_of_the_environment(guarded, tmp_path):
    path = recorded_virtually(tmp_path, bench(tmp_path, guarded.shim.url, guarded.database))
    assert guarded.shim.sizes == []  # in virtual time nothing is forwarded unasked
    result = testbed("forward", path, "--json", env=WITH_TOKEN)
    assert (result.returncode, result.stderr) == (0, "")
    (told,) = json.loads(result.stdout)["sessions"]
    assert (told["complete"], told["set_aside"]) == (True, [])
    assert told["samples"] == len(list(SessionReader(path).samples()))
    assert everything_is_stored(guarded.server, guarded.database, path)
    again = testbed("forward", path, env=WITH_TOKEN)
    assert again.stdout == f"{path}: {told['points']:,} points stored, to its end\n"


def test_the_secret_stands_nowhere_in_the_session(guarded, tmp_path):
    path = recorded_virtually(tmp_path, bench(tmp_path, guarded.shim.url, guarded.database))
    assert testbed("forward", path, env=WITH_TOKEN).returncode == 0
    assert TOKEN.encode() not in path.read_bytes()


async def test_the_command_line_says_where_when_the_bench_file_does_not(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(100, 2, 100))
    unknown = testbed("forward", path)
    assert unknown.returncode == 2
    assert "give --url and --bucket" in unknown.stderr
    result = testbed("forward", path, "--url", place.target.url, "--bucket", place.database)
    assert (result.returncode, result.stderr) == (0, "")
    assert everything_is_stored(place.server, place.database, path)


async def test_points_that_are_set_aside_are_shown_with_the_reason_and_exit_1(place, tmp_path):
    place.server.request(
        "POST", f"/write?db={place.database}", b'scpi/thermometer humidity="moist" 1763000000000000000'
    )
    path = await record(tmp_path / "a.session", steady(100, 2, 100))
    result = testbed("forward", path, "--url", place.target.url, "--bucket", place.database)
    assert result.returncode == 1
    assert "set aside: 50 of probe.humidity: partial write: field type conflict" in result.stdout
    assert "such as scpi/thermometer,bench=rig" in result.stdout


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--url", NOBODY, "--bucket", "b", "--patience", "0.2 s"), 4, "could not be written to"),
        (("--url", "127.0.0.1:1", "--bucket", "b"), 2, "is no address of a server"),
        (("--url", "http://me:pw@127.0.0.1:1", "--bucket", "b"), 2, "holds no user, password or query"),
        (("--url", NOBODY), 2, "give --url and --bucket"),
        (("--url", NOBODY, "--bucket", "b", "--token-from", "NOT_SET"), 2, "NOT_SET is not set"),
        (("--url", NOBODY, "--bucket", "b", "--patience", "soon"), 2, "'soon' is no quantity"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_told_without_a_trace(tmp_path, options, code, words):
    path = await record(tmp_path / "a.session", steady(10, 2, 10))
    result = testbed("forward", path, *options)
    assert (result.returncode, result.stdout) == (code, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert "pw" not in result.stderr.replace("password", "")


def test_a_session_that_is_not_there_or_none_at_all_is_told(tmp_path):
    (tmp_path / "sessions").mkdir()
    assert "there is no session 'nowhere'" in testbed("forward", "nowhere", cwd=tmp_path).stderr
    (tmp_path / "broken.session").write_bytes(b"x")
    assert testbed("forward", tmp_path / "broken.session").returncode == 3


# While a run is going on --------------------------------------------------------------------------


def forwarder_of(process) -> int:
    """Return the process of a run that forwards."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        if "--follow" in Path(f"/proc/{child}/cmdline").read_text():
            return int(child)
    raise AssertionError("no process forwards")


def test_a_run_is_forwarded_while_it_is_recorded_and_complete_when_it_ends(guarded, tmp_path):
    file = bench(tmp_path, guarded.shim.url, guarded.database)
    path = tmp_path / "a.session"
    with running(file, path, "--emulate", "all", "--for", "4s", env=WITH_TOKEN) as run:
        statement = 'SELECT temperature FROM "scpi/thermometer"'
        wait_until(lambda: guarded.server.rows(guarded.database, statement), "points while it runs")
        assert run.process.poll() is None
        assert run.finish()["verdict"] == "passed"
        assert "forward" not in run.process.stderr.read()
    assert everything_is_stored(guarded.server, guarded.database, path)
    (session,) = guarded.server.rows(guarded.database, 'SELECT verdict FROM "testbed.session"')
    assert session["verdict"] == "passed"
    assert [each.name for each in tmp_path.glob("a.session*")] == ["a.session"]  # one plain file


def test_without_a_server_a_run_goes_on_and_says_how_to_send_it_later(own_server, tmp_path):
    with shim(own_server, token=TOKEN) as front:
        file = bench(tmp_path, front.url, "hil")
        path = tmp_path / "a.session"
        own_server.kill()
        with running(file, path, "--emulate", "all", "--for", "2s", env=WITH_TOKEN) as run:
            summary = run.finish()
            told = run.process.stderr.read()
        assert (summary["verdict"], run.process.wait()) == ("passed", 0)
        assert "InfluxDB takes nothing, nothing is lost" in told
        assert f"send the rest with: testbed forward {path}" in told
        own_server.start()
        assert testbed("forward", path, env=WITH_TOKEN).returncode == 0
    assert everything_is_stored(own_server, "hil", path)


def test_without_its_token_a_run_goes_on_and_says_so(guarded, tmp_path):
    file = bench(tmp_path, guarded.shim.url, guarded.database)
    with running(file, tmp_path / "a.session", "--emulate", "all", "--for", "1s") as run:
        summary = run.finish()
        told = run.process.stderr.read()
    assert summary["verdict"] == "passed"
    assert "the environment variable INFLUX_TOKEN is not set" in told
    assert "Traceback" not in told


def test_a_run_that_is_not_to_be_forwarded_is_not(guarded, tmp_path):
    file = bench(tmp_path, guarded.shim.url, guarded.database)
    options = ("--emulate", "all", "--for", "1s", "--no-forward")
    with running(file, tmp_path / "a.session", *options, env=WITH_TOKEN) as run:
        run.finish()
    assert guarded.shim.sizes == []


def test_a_forwarder_that_is_killed_harms_nothing_and_the_rest_is_sent_later(guarded, tmp_path):
    file = bench(tmp_path, guarded.shim.url, guarded.database)
    path = tmp_path / "a.session"
    with running(file, path, "--emulate", "all", "--for", "4s", env=WITH_TOKEN) as run:
        wait_until(lambda: guarded.shim.sizes, "the first points")
        os.kill(forwarder_of(run.process), signal.SIGKILL)
        assert run.finish()["verdict"] == "passed"
        assert f"testbed forward {path}" in run.process.stderr.read()
    assert testbed("forward", path, env=WITH_TOKEN).returncode == 0
    assert everything_is_stored(guarded.server, guarded.database, path)


def test_when_the_controller_is_killed_all_that_it_committed_is_sent_and_the_forwarder_ends(
    guarded, tmp_path
):
    file = bench(tmp_path, guarded.shim.url, guarded.database)
    path = tmp_path / "a.session"
    with running(file, path, "--emulate", "all", env=WITH_TOKEN) as run:
        wait_until(lambda: len(guarded.shim.sizes) > 2, "some points")
        forwarder = forwarder_of(run.process)
        run.process.kill()
        run.process.wait()
        wait_until(lambda: not Path(f"/proc/{forwarder}/cmdline").exists()
                   or not Path(f"/proc/{forwarder}/cmdline").read_bytes(), "the forwarder's end")  # fmt: skip
    assert everything_is_stored(guarded.server, guarded.database, path)
