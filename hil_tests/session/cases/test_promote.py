"""A case holds what its session held in a time, packed so that the same session gives the same bytes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import yaml

from testbed.clock import NS
from testbed.errors import DamagedInput, UsageError
from testbed.session.cases import Case, check_tolerances, find_cases, pack, read_time, trim, unpack
from testbed.session.file import SessionReader, stream_digest
from testbed.signals import Sample

from ..exports.whole import T0, contents, whole_session
from ..recording import record
from ..test_cli_sessions import run


def trimmed(session: Path, begin_ns: int, end_ns: int) -> Path:
    path = session.with_name("trimmed.session")
    with SessionReader(session) as reader:
        trim(reader, path, "a case", begin_ns, end_ns)
    return path


async def test_trimmed_to_all_of_it_a_session_holds_the_same_stream(tmp_path):
    session = await whole_session(tmp_path / "friday.session")
    whole = trimmed(session, 0, 2**62)
    assert contents(whole) == contents(session)
    with SessionReader(session) as one, SessionReader(whole) as other:
        assert stream_digest(one) == stream_digest(other)
        assert one.clock_pairs() == other.clock_pairs()
        assert one.verdict() == other.verdict()


async def test_only_what_was_recorded_in_the_time_is_left(tmp_path):
    path = tmp_path / "a.session"
    async with record(path) as writer:
        with SessionReader(path) as reader:
            start_ns, _ = reader.span()
        for number in range(10):
            writer.sample(Sample(0, start_ns + number, float(number)))
    with SessionReader(trimmed(path, start_ns + 3, start_ns + 6)) as session:
        assert [sample.value for sample in session.samples()] == [3.0, 4.0, 5.0, 6.0]
        assert session.span() == (start_ns + 3, start_ns + 6)


async def test_the_case_says_which_session_it_was_made_of(tmp_path):
    session = await whole_session(tmp_path / "friday.session")
    with SessionReader(trimmed(session, 0, 2**62)) as case:
        meta = case.meta()
    assert (meta["promoted"]["name"], meta["promoted"]["session"]) == ("a case", "friday.session")
    assert (meta["bench"], meta["seed"], meta["verdict"]) == ("rig", 7, "passed")


@pytest.mark.parametrize(("begin_ns", "end_ns"), [(5, 5), (7, 5), (0, 1), (2**61, 2**62)])
async def test_a_time_of_which_nothing_was_recorded_is_refused(tmp_path, begin_ns, end_ns):
    session = await whole_session(tmp_path / "friday.session")
    with pytest.raises(UsageError, match="holds nothing from"):
        trimmed(session, begin_ns, end_ns)
    assert not (tmp_path / "trimmed.session").exists()


async def test_packing_is_the_same_whenever_it_is_done_and_comes_back_whole(tmp_path):
    session = await whole_session(tmp_path / "friday.session")
    one, other = tmp_path / "one.session.gz", tmp_path / "other.session.gz"
    pack(session, one)
    pack(session, other)
    assert one.read_bytes() == other.read_bytes()
    assert one.stat().st_size < session.stat().st_size / 3
    unpacked = unpack(Case("x/one", one), tmp_path)
    assert (unpacked.name, unpacked.read_bytes()) == ("one.session", session.read_bytes())


@pytest.mark.parametrize("damage", ["cut", "flipped", "no gzip"])
def test_a_packed_session_that_is_not_whole_is_damaged_input(tmp_path, damage):
    path = tmp_path / "a.session.gz"
    content = bytearray(gzip.compress(bytes(range(256)) * 100))
    if damage == "cut":
        del content[40:]
    elif damage == "flipped":
        content[60] ^= 255
    else:
        content = bytearray(b"plain")
    path.write_bytes(content)
    with pytest.raises(DamagedInput, match=r"a\.session\.gz: is no whole gzip file"):
        unpack(Case("a", path), tmp_path)


def test_cases_are_found_with_their_tolerances_by_name(tmp_path):
    for name in ("b.session", "a.session.gz", "deep/c.session", "b.tolerances.yaml", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert find_cases(tmp_path) == [
        Case("a", tmp_path / "a.session.gz"),
        Case("b", tmp_path / "b.session", tmp_path / "b.tolerances.yaml"),
        Case("deep/c", tmp_path / "deep" / "c.session"),
    ]


def test_a_folder_without_cases_and_a_case_that_is_there_twice_are_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no session in"):
        find_cases(tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        find_cases(tmp_path / "gone")
    (tmp_path / "a.session").touch()
    (tmp_path / "a.session.gz").touch()
    with pytest.raises(UsageError, match="are one case, packed and not"):
        find_cases(tmp_path)


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("12.5s", T0 + 12_500_000_000),
        ("+2 min", T0 + 120 * NS),
        ("0", T0),
        ("2026-11-23T12:00:00Z", 1_795_435_200 * NS),
    ],
)
def test_times_count_from_the_start_or_are_dates(text, time_ns):
    assert read_time(text, T0) == time_ns


@pytest.mark.parametrize("text", ["noon", "3 K", "", "inf s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="is no time"):
        read_time(text, T0)


async def test_tolerances_must_be_of_a_signal(tmp_path):
    with SessionReader(await whole_session(tmp_path / "friday.session")) as session:
        assert check_tolerances(session, ["probe.temperature=0.5 K, 1%", "fan.*=ignore"]) == {
            "probe.temperature": "0.5 K, 1%",
            "fan.*": "ignore",
        }
        for text, told in (
            ("probe.temp=1", "did you mean 'probe.temperature'"),
            ("0.5 K", "is no tolerance"),
        ):
            with pytest.raises(UsageError, match=told):
                check_tolerances(session, [text])


# As a user runs it ----------------------------------------------------------------------------------


async def test_the_command_keeps_a_session_as_a_case(tmp_path):
    await whole_session(tmp_path / "sessions" / "friday.session")
    done = run(
        tmp_path, "promote", "friday", "--as", "heater/overshoot", "--tolerance", "heater.duty=1 %",
        "--no-check", "--json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["case"] == "regressions/heater/overshoot.session.gz"
    assert told["checked"] is False
    (case,) = find_cases(tmp_path / "regressions")
    assert case.tolerances is not None
    assert yaml.safe_load(case.tolerances.read_text()) == {"heater.duty": "1 %"}
    again = unpack(case, tmp_path)
    assert contents(again) == contents(tmp_path / "sessions" / "friday.session")


WRONG = {
    ("friday", "--as", "../out"): "'../out' is no name of a case",
    ("friday", "--as", ""): "is no name of a case",
    ("friday", "--as", "there"): "regressions/there.session.gz exists already",
    ("fridya", "--as", "a"): "did you mean 'friday'?",
    ("friday", "--as", "a", "--tolerance", "fan=1"): "has no signal 'fan'",
    ("friday", "--as", "a", "--from", "noon"): "'noon' is no time",
    ("friday", "--as", "a", "--to", "1970-01-01"): "holds nothing from",
    (
        "friday",
        "--as",
        "a",
        "--into",
        "sessions/friday.session",
    ): "cannot write sessions/friday.session/a.session.gz",
}


async def test_what_cannot_be_kept_ends_in_one_error(tmp_path):
    await whole_session(tmp_path / "sessions" / "friday.session")
    (tmp_path / "regressions").mkdir()
    (tmp_path / "regressions" / "there.session.gz").write_bytes(b"kept")
    for arguments, told in WRONG.items():
        failed = run(tmp_path, "promote", *arguments, "--no-check")
        assert (failed.returncode, failed.stdout) == (2, ""), arguments
        assert told in failed.stderr
        assert "Traceback" not in failed.stderr
    assert [path.name for path in (tmp_path / "regressions").iterdir()] == ["there.session.gz"]
