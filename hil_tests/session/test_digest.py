"""The stream's digest is that of what was recorded and of nothing else; the file's, of what stands in it."""

from __future__ import annotations

import contextlib
import hashlib
import math
import sqlite3
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from testbed.errors import DamagedInput
from testbed.links import Direction
from testbed.session.file import SessionReader, digests
from testbed.session.file.columns import FrameColumn, SampleColumn
from testbed.session.file.store import Batch, Store
from testbed.signals import Command, Event, Level, Outcome, Quality, Sample, Signal

from .recording import RIG


@dataclass
class Recorded:
    """What a run did, of which each test changes one thing."""

    samples: list[Sample]
    frames: list[tuple[int, Direction, bytes]]
    commands: list[Command]
    events: list[Event]


Change = Callable[[Recorded], object]


def recorded() -> Recorded:
    command = Command(1, 40.0, "loop hold", 5, 10, cause_ns=4)
    command.finish(Outcome.ACKNOWLEDGED, 6)
    samples = [Sample(n % 3, n, n / 7) for n in range(300)]
    samples[30] = Sample(0, 30, math.nan, Quality.BAD, "offline: pulled")
    frames = [(n, Direction(n % 2), f"{n}\n".encode()) for n in range(300)]
    return Recorded(samples, frames, [command], [Event(7, Level.WARNING, "probe", "offline", "pulled")])


def write(
    path: Path, run: Recorded, cut: int = 100, signals: Sequence[Signal] = RIG, verdict: str = "passed"
) -> None:
    """Record it, committing each `cut` samples."""
    store = Store(path)
    store.create(signals, {"started_ns": 0}, {"bench.yaml": b"bench: rig\n"})
    columns, frames = [SampleColumn(signal.id) for signal in RIG], FrameColumn("probe")
    for start in range(0, 301, cut):
        for sample in run.samples[start : start + cut]:
            columns[sample.signal].add(sample)
        for frame in run.frames[start : start + cut]:
            frames.add(*frame)
        chunks = [chunk for column in columns if (chunk := column.take())]
        store.write(Batch(chunks, [chunk for chunk in (frames.take(),) if chunk]))
    store.write(Batch(commands=run.commands, events=run.events))
    store.finish({"ended_ns": 300, "verdict": verdict})
    store.close()


def digest_of(folder: Path, change: Change = lambda run: None, **how: object) -> dict[str, str]:
    path = folder / f"{len(list(folder.iterdir()))}.session"
    run = recorded()
    change(run)
    write(path, run, **how)
    with SessionReader(path) as session:
        return digests(session)


def test_the_same_recording_has_the_same_digests(tmp_path):
    assert digest_of(tmp_path) == digest_of(tmp_path)


def test_the_streams_digest_does_not_depend_on_how_the_chunks_are_cut(tmp_path):
    one, other = digest_of(tmp_path, cut=300), digest_of(tmp_path, cut=7)
    assert one["stream"] == other["stream"]
    assert one["file"] != other["file"]


def test_the_streams_digest_does_not_depend_on_the_order_of_the_signals(tmp_path):
    def turn(run: Recorded) -> None:
        # Sample of signal n becomes that of signal 2 - n, and the signals change their numbers likewise.
        swap = {0: 2, 1: 1, 2: 0}
        run.samples = [msgspec.structs.replace(sample, signal=swap[sample.signal]) for sample in run.samples]

    turned = [msgspec.structs.replace(signal, id=2 - signal.id) for signal in reversed(RIG)]
    assert digest_of(tmp_path)["stream"] == digest_of(tmp_path, turn, signals=turned)["stream"]


def test_the_bits_of_a_nan_make_no_difference(tmp_path):
    other = struct.unpack("<d", bytes.fromhex("010000000000f8ff"))[0]

    def change(run: Recorded) -> None:
        run.samples[30] = Sample(0, 30, other, Quality.BAD, "offline: pulled")

    assert digest_of(tmp_path, change)["stream"] == digest_of(tmp_path)["stream"]


def sample(at: int, *fields: object, signal: int = 0) -> Change:
    """Put another sample in the place of number `at`."""
    return lambda run: run.samples.__setitem__(at, Sample(signal, *fields))


def frames(at: int, *others: tuple[int, Direction, bytes]) -> Change:
    """Put other frames in the place of as many from number `at` on."""
    return lambda run: run.frames.__setitem__(slice(at, at + len(others)), others)


CHANGES: dict[str, Change] = {
    "a value by its last bit": sample(9, 9, math.nextafter(9 / 7, 2)),
    "a time": sample(9, 8, 9 / 7),
    "a quality": sample(9, 9, 9 / 7, Quality.UNCERTAIN),
    "a reason": sample(30, 30, math.nan, Quality.BAD, "CRC"),
    "where a reason ends": sample(33, 33, 33 / 7, Quality.BAD, "offline: pulled"),
    "the sign of zero": sample(0, 0, -0.0),
    "a sample less": lambda run: run.samples.pop(),
    "a sample of another signal": sample(9, 9, 9 / 7, signal=1),
    "a bit of a frame": frames(9, (9, Direction.TX, b"8\n")),
    "the direction of a frame": frames(9, (9, Direction.RX, b"9\n")),
    "where a frame ends": frames(9, (9, Direction.TX, b"9\n1"), (10, Direction.RX, b"0\n")),
    "a mark": lambda run: run.frames.append((300, Direction.LOST, b"pulled")),
    "a command's requester": lambda run: setattr(run.commands[0], "requester", "operator"),
    "a command's outcome": lambda run: setattr(run.commands[0], "outcome", Outcome.FAILED),
    "a command's latency": lambda run: setattr(run.commands[0], "sent_ns", 6),
    "an event": lambda run: run.events.append(Event(8, Level.INFO, "probe", "online", "")),
    "an event's text": lambda run: run.events.append(msgspec.structs.replace(run.events.pop(), text="gone")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_any_change_of_what_was_recorded_gives_another_digest(tmp_path, what):
    one, other = digest_of(tmp_path), digest_of(tmp_path, CHANGES[what])
    assert one["stream"] != other["stream"]
    assert one["file"] != other["file"]


def test_a_fact_that_is_no_part_of_the_stream_changes_the_files_digest_only(tmp_path):
    passed, failed = digest_of(tmp_path), digest_of(tmp_path, verdict="failed")
    assert passed["stream"] == failed["stream"]
    assert passed["file"] != failed["file"]


def test_a_damaged_session_has_none(tmp_path):
    digest_of(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "0.session")) as database:
        database.execute("DELETE FROM chunks WHERE id = (SELECT min(id) FROM chunks)")
        database.commit()
    with SessionReader(tmp_path / "0.session") as session, pytest.raises(DamagedInput):
        digests(session)


def test_it_is_reckoned_as_the_documentation_says(tmp_path):
    """Done here once more, with nothing of the product but its numbers."""
    found = digest_of(tmp_path)["stream"]
    run, whole = recorded(), hashlib.sha256()

    def sha(data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    encode = msgspec.msgpack.encode
    for path, number in (("fan.running", 2), ("heater.duty", 1), ("probe.temperature", 0)):
        own = [sample for sample in run.samples if sample.signal == number]
        turns = [[10, 2, "offline: pulled"], [11, 0, ""]] if number == 0 else []
        whole.update(encode([
            "samples", path, 100,
            sha(b"".join(struct.pack("<q", sample.time_ns) for sample in own)),
            sha(b"".join(struct.pack("<d", sample.value) for sample in own)),
            sha(bytes(sample.quality for sample in own)),
            sha(b"".join(encode(turn) for turn in turns)),
        ]))  # fmt: skip
    whole.update(encode([
        "frames", "probe", 300,
        sha(b"".join(struct.pack("<q", number) for number in range(300))),
        sha(bytes(number % 2 for number in range(300))),
        sha(b"".join(struct.pack("<I", len(f"{number}\n")) for number in range(300))),
        sha("".join(f"{number}\n" for number in range(300)).encode()),
    ]))  # fmt: skip
    command = ["heater.duty", 40.0, "loop hold", 5, 10, 4, 1, "pending", "acknowledged", "", 0, 6]
    whole.update(encode(["commands", 1, sha(encode(command))]))
    whole.update(encode(["events", 1, sha(encode([7, "warning", "probe", "offline", "pulled"]))]))
    assert found == whole.hexdigest()
