"""Wires that cannot be opened and devices that misbehave: bad samples with reasons, and the bench goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.bench.profile import SHIPPED
from testbed.clock import SystemClock
from testbed.links import PtyEnd
from testbed.session.file import SessionReader
from testbed.signals import Event, Quality, Sample

from .processes import RIG, emulated, rewired, running, testbed, wait_until

IDENTITY = yaml.safe_load((SHIPPED / "scpi" / "thermometer.yaml").read_text())["identity"]


# Thermometers in the hands of the test ----------------------------------------------------------

TRUE, WRONG = 21.5, 99.9
Answer = Callable[[int], list[tuple[float, bytes]]]
"""Given how many temperatures were asked for before: what to say to this one, each after some seconds."""


class Instrument:
    """Answers *IDN? and SYST:ERR? as it should, and MEAS:TEMP? as the test wants."""

    def __init__(self, port: Path, clock: SystemClock, temperature: Answer) -> None:
        self.end = PtyEnd(port, clock, lambda _, data: self._received(data))
        self._temperature = temperature
        self._asked = 0
        self._rest = b""
        self._next = 0.0

    def _received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line == b"*IDN?":
                self._say(0.0, IDENTITY.encode() + b"\n")
            elif line == b"SYST:ERR?":
                self._say(0.0, b'0,"No error"\n')
            elif line == b"MEAS:TEMP?":
                for delay, answer in self._temperature(self._asked):
                    self._say(delay, answer)
                self._asked += 1

    def _say(self, delay: float, data: bytes) -> None:
        """Answer after `delay` seconds, and strictly in turn, as instruments do (IEEE 488.2, 6.4)."""
        loop = asyncio.get_running_loop()
        self._next = max(self._next + 1e-4, loop.time() + delay)
        loop.call_at(self._next, self.end.write, data)


@contextlib.contextmanager
def instruments(folder: Path, kinds: dict[str, Answer]) -> Iterator[dict[str, str]]:
    """Serve instruments on ptys, in a thread with an event loop of its own; yields their wires."""
    loop, plugged, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        clock = SystemClock()
        ends = [Instrument(folder / name, clock, answer).end for name, answer in kinds.items()]
        for end in ends:
            end.plug()
        plugged.set()
        await stop.wait()
        for end in ends:
            end.unplug()
        clock.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert plugged.wait(10)
        yield {name: f"serial://{folder / name}?baud=115200" for name in kinds}
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


# What a run left --------------------------------------------------------------------------------


def bench_of(folder: Path, wires: dict[str, str]) -> Path:
    """Write the demo bench with these devices alone and no expectation."""
    return rewired(folder, wires, expect=[])


def samples(session: Path, path: str) -> list[Sample]:
    with SessionReader(session) as reader:
        return list(reader.samples([reader.signal(path).id]))


def good_of(session: Path, path: str) -> list[Sample]:
    return [sample for sample in samples(session, path) if sample.quality is Quality.GOOD]


def events(session: Path) -> list[Event]:
    with SessionReader(session) as reader:
        return list(reader.events())


def run(bench: Path, session: Path, seconds: float) -> tuple[int, dict[str, Any], str]:
    result = testbed("run", bench, "--json", "--session", session, "--for", f"{seconds:g}s")
    assert "Traceback" not in result.stderr
    return result.returncode, json.loads(result.stdout.splitlines()[-1]), result.stderr


# Wires that cannot be opened ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def half_there(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any], str, Path]:
    """A run of the demo bench where probe and fan cannot be opened, each in its own way."""
    folder = tmp_path_factory.mktemp("half")
    (folder / "no-port").write_text("a file")
    with emulated(RIG, "chamber") as (_, wires):
        wires = {
            **wires,
            "probe": "serial:///dev/no-such-port?baud=115200",
            "fan": f"serial://{folder}/no-port?baud=115200",
        }
        bench = bench_of(folder, wires)
        session = folder / "run.session"
        return (*run(bench, session, 2.5), session)


def test_a_wire_that_cannot_be_opened_blocks_the_run_and_exits_4(half_there):
    code, summary, _, session = half_there
    assert (code, summary["verdict"]) == (4, "blocked")
    with SessionReader(session) as reader:
        assert reader.meta()["unreached"] == ["fan", "probe"]  # in the order of the file


def test_it_is_told_once_with_the_wire_and_the_next_step(half_there):
    _, _, errors, session = half_there
    told = {event.source: event.text for event in events(session) if event.kind == "offline"}
    assert [event.kind for event in events(session)].count("offline") == 2
    assert told["probe"] == (
        "probe is offline: cannot open serial port /dev/no-such-port: No such file or directory"
        " (wire serial:///dev/no-such-port?baud=115200)\n  next  run: testbed scan serial"
    )
    assert "no-port" in told["fan"]
    assert errors.count("probe is offline") == 1


def test_its_signals_are_bad_with_the_reason_alone(half_there):
    _, summary, _, session = half_there
    for path in ("probe.temperature", "fan.speed", "fan.current"):
        assert summary["signals"][path]["quality"] == "bad"
        assert summary["signals"][path]["last"] is None
        found = samples(session, path)
        assert found
        assert all(sample.quality is Quality.BAD for sample in found)
        assert all(sample.reason.startswith("offline: cannot open serial port") for sample in found)
        assert not any("\n" in sample.reason for sample in found)


def test_the_rest_of_the_bench_goes_on_and_its_actuators_are_brought_to_safety(half_there):
    _, summary, _, session = half_there
    assert summary["signals"]["chamber.temperature"]["quality"] == "good"
    assert summary["signals"]["chamber.temperature"]["count"] > 10
    assert summary["frames"]["chamber"] > 20
    assert summary["signals"]["chamber.heater_enable"]["last"] == 0
    with SessionReader(session) as reader:
        safe = [command for command in reader.commands() if command.requester == "safe state"]
    assert {str(command.outcome) for command in safe} == {"acknowledged"}


def test_a_loop_without_its_sensor_keeps_its_actuator_safe(half_there):
    _, summary, _, session = half_there
    assert summary["loops"]["hold"]["cycles"] == 0
    duty = samples(session, "chamber.heater_duty")
    assert duty
    assert {sample.value for sample in duty} == {0.0}


def test_a_refused_connection_is_told_as_such(tmp_path):
    wires = {"chamber": "modbus+tcp://127.0.0.1:1?unit=1"}
    code, summary, errors = run(bench_of(tmp_path, wires), tmp_path / "run.session", 1)
    assert (code, summary["verdict"]) == (4, "blocked")
    assert errors.count("chamber is offline: cannot connect to 127.0.0.1:1: Connection refused") == 1


# Devices that misbehave -----------------------------------------------------------------------------


def each_third(wrong: bytes) -> Answer:
    return lambda asked: [(0.0, wrong if asked % 3 == 1 else b"%.1f\n" % TRUE)]


def twice(asked: int) -> list[tuple[float, bytes]]:
    """No two temperatures alike: a doubled one that is taken for the next shows."""
    line = b"%.2f\n" % (20 + asked / 100)
    return [(0.0, line * (2 if asked % 5 == 2 else 1))]


MISBEHAVIOURS = {
    "garbage": (each_third(b"\xff\xfe\x00garbage\n"), "garbage"),
    "empty": (each_third(b"\n"), "MEAS:TEMP?"),
    "several": (each_third(b"99.9,99.9,99.9\n"), "99.9,99.9,99.9"),
    "overflow": (each_third(b"1e999999\n"), "MEAS:TEMP?"),
    "nan": (each_third(b"nan\n"), "MEAS:TEMP?"),
    "endless": (each_third(b"9" * 20_000 + b"\n"), "longer than"),
    "never": (each_third(b""), "no answer within"),
    "half": (each_third(b"99.9"), "no answer within"),
    "late": (lambda asked: [(1.2, b"99.9\n")] if asked % 3 == 1 else [(0.0, b"21.5\n")], "no answer within"),
}
# A shifted answer of this one would look right, so it is judged by itself.
KINDS = {name: answer for name, (answer, _) in MISBEHAVIOURS.items()} | {"twice": twice}


@pytest.fixture(scope="module")
def misbehaved(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any], Path]:
    """A run of all of them beside each other, and a fan that stands where a thermometer should."""
    folder = tmp_path_factory.mktemp("misbehaved")
    with instruments(folder, KINDS) as wires, emulated(RIG, "fan") as (_, right):
        devices = {
            name: {"profile": "scpi/thermometer", "wire": wire}
            for name, wire in {**wires, "stranger": right["fan"]}.items()
        }
        bench = folder / "bench.yaml"
        bench.write_text(yaml.safe_dump({"bench": "misbehaving", "devices": devices}))
        code, summary, _ = run(bench, folder / "run.session", 5)
    return code, summary, folder / "run.session"


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_a_wrong_answer_is_a_bad_sample_with_its_reason_and_nothing_wrong_is_taken_as_good(misbehaved, name):
    _, _, session = misbehaved
    found = samples(session, f"{name}.temperature")
    good = [sample.value for sample in found if sample.quality is Quality.GOOD]
    bad = [sample.reason for sample in found if sample.quality is Quality.BAD]
    assert len(good) > 2
    assert set(good) == {TRUE}
    assert any(MISBEHAVIOURS[name][1] in reason for reason in bad), bad


@pytest.mark.parametrize("name", KINDS)
def test_a_wrong_answer_does_not_take_the_wire_down(misbehaved, name):
    _, _, session = misbehaved
    assert [event.kind for event in events(session) if event.source == name] == ["online"]


def test_an_answer_that_comes_twice_is_never_taken_for_the_next_one(misbehaved):
    _, _, session = misbehaved
    good = [round(sample.value, 2) for sample in good_of(session, "twice.temperature")]
    assert len(good) > 5
    assert good == sorted(set(good))


def test_a_device_that_speaks_another_protocol_is_not_taken_for_the_right_one(misbehaved):
    code, summary, session = misbehaved
    assert (code, summary["verdict"]) == (4, "blocked")
    assert good_of(session, "stranger.temperature") == []
    assert [event.kind for event in events(session) if event.source == "stranger"] == ["offline"]


def test_a_cable_pulled_in_the_middle_is_told_once_and_what_was_recorded_stays(tmp_path):
    with emulated(RIG, "probe") as (probe, wires), emulated(RIG, "chamber") as (_, others):
        bench, session = bench_of(tmp_path, {**wires, **others}), tmp_path / "run.session"
        with running(bench, session) as under_way:
            wait_until(lambda: good_of(session, "probe.temperature"), "a temperature")
            before = len(good_of(session, "probe.temperature"))
            probe.kill()
            probe.wait()
            wait_until(lambda: "offline" in [event.kind for event in events(session)], "the loss is told")
            under_way.process.terminate()
            summary = under_way.finish()
            assert under_way.process.stderr is not None
            errors = under_way.process.stderr.read()
    assert errors.count("probe is offline") == 1
    assert len(good_of(session, "probe.temperature")) >= before
    assert summary["signals"]["probe.temperature"]["quality"] == "bad"
    assert summary["signals"]["chamber.temperature"]["quality"] == "good"
    assert summary["signals"]["chamber.heater_duty"]["last"] == 0
    assert summary["verdict"] == "passed"  # it was reached, and nothing was expected of it
    assert under_way.process.returncode == 0
