"""A run that keeps only its last minutes: its file stays small, and triggers save what was around them."""

from __future__ import annotations

import fcntl
import itertools
import json
import math
import os
import pty
import signal
import sqlite3
import subprocess
import termios
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hil_tests.support.hand_clock import HandClock
from hil_tests.system.processes import RIG as DEMO
from hil_tests.system.processes import TESTBED, testbed, wait_until
from testbed.bench.expectation import parse_expectation
from testbed.clock import NS
from testbed.errors import UsageError
from testbed.links import Direction
from testbed.session.black_box import AFTER_S, BlackBox, Window
from testbed.session.expectations import Judge
from testbed.session.file import SessionReader, SessionWriter, digests, save_excerpt, summarize
from testbed.session.recovery import recover
from testbed.signals import Command, Event, Hub, Level, Outcome, Quality, Sample, Stage

from ..support import eventually
from .recording import RIG, record
from .test_file_live import file_size_limit

KEEP_S = 20.0


@dataclass
class Bench:
    """A recording in the hands of a test: `run` lets time pass, with a sample of each kind every 0.1 s."""

    path: Path
    clock: HandClock = field(default_factory=HandClock)
    told: list[Event] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        window = Window(KEEP_S, (RIG[2],))
        self.start_ns = self.clock.now()
        self.hub = Hub(len(RIG), lambda subscriber, error: pytest.fail(str(error)))
        self.writer = SessionWriter(
            self.path, self.clock, RIG, metadata={"bench": "rig"},
            attachments={"bench/rig.yaml": b"bench: rig"}, on_failure=pytest.fail,
            thread=False, period_s=0.2, keep_s=window.recorded_s,
        )  # fmt: skip
        self.writer.start()
        self.hub.subscribe_all(Stage.RECORD, self.writer.sample)
        judge = Judge(parse_expectation("probe.temperature stays below 85 degC", "degC"), self.start_ns)
        self.hub.subscribe(0, Stage.WATCH, judge.observe)
        self.box = BlackBox(window, self.path, self.clock, self.hub, [judge], self.report, thread=False)
        self.tap, self.log = self.writer.tap("probe"), self.writer.cycles("hold")

    def report(self, event: Event) -> None:
        self.writer.event(event)
        self.told.append(event)
        if hasattr(self, "box"):
            self.box.event(event)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            now = self.clock.now()
            self.say(0, 20 + math.sin(self.steps / 10))
            self.tap(now, Direction.RX, b"20.5\n")
            self.log.add(now, 1, 2, 3, 4, 0)
            if self.steps % 100 == 0:  # slow: a chunk of them reaches over minutes
                self.say(1, float(self.steps))
                command = Command(1, float(self.steps), "operator", now, now + NS)
                command.finish(Outcome.ACKNOWLEDGED, now)
                self.writer.command(command)
                self.writer.clock_pair(now, now)
                self.writer.twin_state("probe", now, {"air": 1.0})
            self.steps += 1
            self.clock.move(0.1)

    def say(self, signal_: int, value: float, quality: Quality = Quality.GOOD, reason: str = "") -> None:
        self.hub.publish(Sample(signal_, self.clock.now(), value, quality, reason))

    def close(self) -> None:
        self.writer.close({"verdict": "passed", "expectations": []})
        self.box.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "friday.session")


def read(path: Path) -> tuple[list[Sample], dict[str, object]]:
    """Read all that a session holds, and return its samples and metadata."""
    with SessionReader(path) as session:
        for iterate in (session.frames, session.commands, session.events, session.twin_states):
            list(iterate())
        list(session.cycles("hold"))
        session.clock_pairs()
        digests(session)
        json.dumps(summarize(path), allow_nan=False)
        return list(session.samples()), session.meta()


# What is kept ---------------------------------------------------------------------------------


def test_only_the_last_seconds_are_kept_and_whole(bench):
    bench.run(200)
    bench.close()
    samples, _ = read(bench.path)
    kept = KEEP_S + AFTER_S + 10
    times = [sample.time_ns for sample in samples if sample.signal == 0]
    assert bench.clock.now() - times[0] >= kept * NS
    assert bench.clock.now() - times[0] < 3 * kept * NS  # chunks are kept whole
    assert {after - before for before, after in itertools.pairwise(times)} == {NS // 10}
    with SessionReader(bench.path) as session:
        start_ns, end_ns = session.span()
        assert end_ns - start_ns == kept * NS
        assert session.verdict() == "passed"
        assert min(command.time_ns for command in session.commands()) > start_ns - 15 * NS


def test_the_file_does_not_grow_however_long_it_runs(bench):
    sizes = []
    for _ in range(6):
        bench.run(120)
        sizes.append(bench.path.stat().st_size)
    bench.close()
    assert max(sizes[2:]) <= 1.2 * sizes[1]
    read(bench.path)


def test_it_can_be_recovered_as_any_other_and_so_can_its_parts(bench):
    bench.run(200)
    bench.box.key()
    bench.run(10)
    bench.close()
    for number, path in enumerate((bench.path, *bench.box.saved)):
        recovery = recover(path, path.with_name(f"{number}.session"))
        assert recovery.whole, recovery.as_dict()
        assert read(recovery.saved) == read(path)


def test_a_burst_that_has_gone_out_of_the_window_gives_its_room_back(bench):
    bench.run(10)
    for number in range(100_000):
        bench.writer.sample(Sample(1, bench.clock.now(), float(number)))
    bench.run(1)
    full = sum(file.stat().st_size for file in bench.path.parent.iterdir())  # with the log beside it
    bench.run(300)
    assert bench.path.stat().st_size < full / 4
    bench.close()
    assert bench.path.stat().st_size < full / 8


def test_the_reason_that_a_signal_has_since_long_stays_known(bench):
    bench.run(5)
    bench.say(2, 0.0, Quality.BAD, "offline: pulled")
    for _ in range(300):
        bench.run(1)
        bench.say(2, 0.0, Quality.BAD, "offline: pulled")
    bench.box.key()
    bench.run(10)
    bench.close()
    for path in (bench.path, *bench.box.saved):
        samples, _ = read(path)
        assert {sample.reason for sample in samples if sample.signal == 2} == {"offline: pulled"}


# What is saved --------------------------------------------------------------------------------


def test_around_a_trigger_what_came_before_and_after_it_is_saved(bench):
    bench.run(100)
    at = bench.clock.now()
    bench.report(Event(at, Level.ERROR, "heater", "unsafe", "heater.duty could not be brought to 0 %\nlater"))
    bench.run(60)
    bench.close()
    (path,) = bench.box.saved
    assert path == bench.path.with_name("friday_saved-1.session")
    samples, meta = read(path)
    times = [sample.time_ns for sample in samples if sample.signal == 0]
    assert times[0] <= at - KEEP_S * NS
    assert times[-1] >= at + AFTER_S * NS - NS // 10
    assert meta["trigger"] == {"cause": "heater.duty could not be brought to 0 %", "time_ns": at}
    assert meta["verdict"] == "saved"
    with SessionReader(path) as session:
        assert session.span() == (at - KEEP_S * NS, at + AFTER_S * NS)
        assert session.attachment("bench/rig.yaml") == b"bench: rig"
        assert session.loops() == ["hold"]
        # A command a 10 s, and the one event that was there by then.
        assert len(list(session.commands())) in (2, 3)
        assert "unsafe" in [event.kind for event in session.events()]
    texts = [event.text for event in bench.told if event.kind == "saved"]
    assert texts == [f"saved {path}: heater.duty could not be brought to 0 %"]


def test_an_expectation_that_fails_saves_once_and_says_which(bench):
    bench.run(30)
    for _ in range(3):
        bench.say(0, 90.0)
        bench.run(10)
    bench.close()
    (path,) = bench.box.saved
    cause = read(path)[1]["trigger"]["cause"]
    assert cause.startswith("probe.temperature stays below 85 degC: 90 degC at 30.")


def test_what_happens_to_expectations_while_the_run_ends_saves_nothing(bench):
    bench.run(30)
    bench.box.rest()
    bench.say(0, 90.0)
    bench.run(10)
    bench.close()
    assert bench.box.saved == []


def test_a_signal_saves_each_time_it_turns_true(bench):
    for value in (0.0, 1.0, 1.0, 0.0, 0.0, 1.0):
        bench.say(2, value)
        bench.run(8)
    bench.say(2, 0.0, Quality.BAD, "offline")
    bench.run(8)
    bench.close()
    causes = [read(path)[1]["trigger"]["cause"] for path in bench.box.saved]
    assert causes == ["fan.running turned true"] * 2


def test_the_same_alarm_again_and_again_is_one_trigger_until_it_has_been_saved(bench):
    for _ in range(40):
        bench.report(Event(bench.clock.now(), Level.ERROR, "heater", "unsafe", "still hot"))
        bench.run(0.1)
    bench.report(Event(bench.clock.now(), Level.ERROR, "fan", "unsafe", "another"))
    bench.report(Event(bench.clock.now(), Level.WARNING, "fan", "offline", "no alarm"))
    bench.run(20)
    bench.report(Event(bench.clock.now(), Level.ERROR, "heater", "unsafe", "hot again"))
    bench.run(1)
    bench.close()
    causes = [read(path)[1]["trigger"]["cause"] for path in bench.box.saved]
    assert causes == ["still hot", "another", "hot again"]


def test_each_press_of_the_key_saves_and_the_end_of_the_run_saves_what_was_waiting(bench):
    bench.run(30)
    bench.box.key()
    bench.run(1)
    bench.box.key()
    bench.run(1)
    bench.close()
    assert [path.name for path in bench.box.saved] == ["friday_saved-1.session", "friday_saved-2.session"]
    for path in bench.box.saved:
        samples, _ = read(path)
        assert samples[-1].time_ns == max(sample.time_ns for sample in read(bench.path)[0])


def test_a_part_that_cannot_be_saved_is_told_and_the_run_and_later_parts_go_on(bench):
    bench.run(30)
    bench.box.key()
    bench.path.with_name("friday_saved-1.session.partial").mkdir()  # where it would be written
    bench.run(10)
    bench.box.key()
    bench.run(10)
    bench.close()
    saved = [event for event in bench.told if event.kind == "saved"]
    assert [event.level for event in saved] == [Level.WARNING, Level.INFO]
    assert saved[0].text.startswith(f"could not save {bench.path.with_name('friday_saved-1.session')}: ")
    assert [path.name for path in bench.box.saved] == ["friday_saved-2.session"]


def test_a_disk_without_room_for_a_part_keeps_nothing_of_it(bench):
    bench.run(30)
    bench.close()
    with file_size_limit(bench.path.parent, 40_000), pytest.raises(sqlite3.Error):
        save_excerpt(bench.path, bench.path.with_name("part.session"), 0, bench.clock.now(), {})
    assert [path.name for path in bench.path.parent.iterdir()] == ["friday.session"]


async def test_a_part_is_saved_while_the_recording_goes_on(tmp_path):
    path = tmp_path / "a.session"
    async with record(path) as writer:
        for number in range(5000):
            writer.sample(Sample(number % 3, number, float(number)))
        with SessionReader(path) as session:
            await eventually(lambda: len(session.newest()) == 3, "committed")
        thread = threading.Thread(target=save_excerpt, args=(path, tmp_path / "b.session", 1000, 2000, {}))
        thread.start()
        while thread.is_alive():
            writer.sample(Sample(0, 10_000, 1.0))
        thread.join()
        with pytest.raises(UsageError, match="exists already"):
            save_excerpt(path, tmp_path / "b.session", 1000, 2000, {})
    with SessionReader(tmp_path / "b.session") as session:
        times = {sample.time_ns for sample in session.samples()}
        assert set(range(1000, 2001)) <= times
        assert max(times) < 5000


# The command ----------------------------------------------------------------------------------

WRONG = {
    ("--trigger", "fan.speed"): "--trigger saves what --black-box keeps",
    ("--black-box", "5min", "--trigger", "fan.sped"): "did you mean 'fan.speed'?",
    ("--black-box", "soon"): "--black-box soon: 'soon' is no quantity",
    ("--black-box", "5min", "--virtual", "--for", "5s"): "--black-box is for runs that cannot be made again",
}


@pytest.mark.parametrize("options", WRONG)
def test_what_cannot_be_kept_is_told_before_anything_is_started(tmp_path, options):
    done = testbed("run", DEMO, "--emulate", "fan", "--session", tmp_path / "s.session", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert WRONG[options] in done.stderr
    assert list(tmp_path.iterdir()) == []


def fan_only(folder: Path) -> Path:
    file = folder / "bench.yaml"
    file.write_text(
        'bench: fan\ndevices:\n  fan: {profile: cobs/fan-driver, wire: "serial:///dev/ttyACM0?baud=230400"}\n'
    )
    return file


def test_a_signal_to_the_process_saves_and_the_result_names_the_files(tmp_path):
    session = tmp_path / "s.session"
    command = [*TESTBED, "run", str(fan_only(tmp_path)), "--emulate", "all", "--black-box", "30s", "--json"]
    with subprocess.Popen(
        [*command, "--session", str(session)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while "is online" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: list(tmp_path.glob("*_saved-1.session")), "the part", within=30)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    told = json.loads(output.splitlines()[-1])
    assert told["saved"] == [str(tmp_path / "s_saved-1.session")]
    shown = testbed("show", tmp_path / "s_saved-1.session", "--json")
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["signals"]["fan.speed"]["count"] > 100


def test_the_key_saves_on_a_terminal_and_the_terminal_is_as_it_was_afterwards(tmp_path):
    session = tmp_path / "s.session"
    mine, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    command = [*TESTBED, "run", str(fan_only(tmp_path)), "--emulate", "all", "--black-box", "30s", "--json"]
    with subprocess.Popen(
        [*command, "--session", str(session)], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),
    ) as process:  # fmt: skip
        assert process.stderr is not None
        while "is online" not in process.stderr.readline():
            pass
        os.write(mine, b"xs")
        wait_until(lambda: list(tmp_path.glob("*_saved-1.session")), "the part", within=30)
        os.write(mine, b"\x03")  # Ctrl-C still ends the run
        process.communicate(timeout=30)
    assert termios.tcgetattr(theirs) == before
    os.close(mine)
    os.close(theirs)
    assert not list(tmp_path.glob("*_saved-2.session"))
