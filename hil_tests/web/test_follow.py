"""Who looks on sees every sample once, whatever others do and however the file is written anew meanwhile."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path

import pytest

from hil_tests.support import eventually
from hil_tests.support.hand_clock import HandClock
from testbed.errors import DamagedInput
from testbed.session.file import SessionWriter
from testbed.signals import Event, Level, Quality, Sample, Signal
from testbed.web import follow
from testbed.web.follow import Follower, TooSlow
from testbed.web.followed import Followed

SIGNAL = Signal(0, "dut", "value", "V")
EVENT = Event(10**9, Level.WARNING, "dut", "offline", "gone\nwith a trace")


class Recording:
    """A session that is written when a test says so."""

    def __init__(self, path: Path) -> None:
        self.clock = HandClock()
        self.writer = SessionWriter(
            path, self.clock, [SIGNAL], metadata={}, attachments={}, on_failure=pytest.fail, thread=False
        )
        self.writer.start()
        self.written = 0

    def commit(self, *values: float, quality: Quality = Quality.GOOD, reason: str = "") -> None:
        for value in values or (float(self.written),):
            self.written += 1
            self.writer.sample(Sample(0, self.clock.now() + self.written, value, quality, reason))
        self.clock.move(0.2)

    def end(self) -> None:
        self.writer.close({"verdict": "passed"})


@pytest.fixture
def recording(tmp_path):
    return Recording(tmp_path / "x.session")


def values(message: dict) -> list:
    return message["samples"].get("dut.value", {"v": []})["v"]


def test_each_sample_comes_once_although_chunks_are_merged_behind_us(recording, tmp_path):
    seen: list[float] = []
    recording.commit()
    with Followed(tmp_path / "x.session") as followed:
        for count in range(300):
            recording.commit()
            if count % 90 == 0:  # so far behind that merged chunks come again
                seen += values(followed.update())
        recording.end()
        last = followed.update()
        seen += values(last)
        assert last["verdict"] == "passed"
        assert followed.totals == {"dut.value": 301}
    # A late reader gets few points, with the extremes kept: the values rise, so they must not repeat.
    assert seen == sorted(set(seen))
    assert seen[-1] == 300.0


def test_a_fast_signal_is_thinned_with_its_extremes(recording, tmp_path):
    recording.commit()
    with Followed(tmp_path / "x.session") as followed:
        recording.commit(*(50.0 if number == 77 else math.sin(number) for number in range(500)))
        found = values(followed.update())
    assert len(found) < 60
    assert max(found) == 50.0


def test_a_bad_sample_is_a_gap_and_says_why(recording, tmp_path):
    recording.commit(1.0)
    with Followed(tmp_path / "x.session") as followed:
        recording.commit(2.0, quality=Quality.BAD, reason="offline: cable")
        message = followed.update()
    assert values(message) == [None]
    assert message["newest"]["dut.value"][1:] == [None, "bad", "offline: cable"]


def test_events_come_once_as_one_line(recording, tmp_path):
    recording.writer.event(EVENT)
    recording.commit()
    with Followed(tmp_path / "x.session") as followed:
        first, second = followed.update(), followed.update()
    assert [event["text"] for event in first["events"]] == ["gone"]
    assert second["events"] == []


async def test_two_look_on_and_both_see_the_end(recording, tmp_path):
    recording.commit()
    follower = Follower(tmp_path / "x.session")

    async def look() -> list[dict]:
        async with follower.messages() as messages:
            return [json.loads(message) async for message in messages]

    lookers = [asyncio.create_task(look()) for _ in range(2)]
    await eventually(lambda: follower._queues, "somebody looks")
    recording.commit(7.0)
    recording.end()
    for told in await asyncio.gather(*lookers):
        assert told[0]["type"] == "hello"
        assert told[-1]["verdict"] == "passed"
        assert told[-1].get("newest", {}) or told[0]["newest"]["dut.value"][1] == 7.0
    await follower.close()


async def test_who_does_not_read_is_let_go_and_holds_up_nobody(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(follow, "PERIOD_S", 0.001)
    monkeypatch.setattr(follow, "_WAITING", 3)
    recording.commit()
    follower = Follower(tmp_path / "x.session")
    async with follower.messages() as messages:
        await anext(messages)
        await eventually(lambda: not follower._queues, "the slow one is let go")
        with pytest.raises(TooSlow):
            async for _ in messages:
                pass
    async with follower.messages() as messages:
        assert json.loads(await anext(messages))["newest"]["dut.value"][1] == 0.0
    await follower.close()


async def test_a_session_that_nobody_looks_at_rests_and_is_read_anew_when_somebody_asks(
    recording, tmp_path, monkeypatch
):
    monkeypatch.setattr(follow, "_IDLE_S", 0.0)
    monkeypatch.setattr(follow, "PERIOD_S", 0.001)
    recording.commit()
    follower = Follower(tmp_path / "x.session")
    known = await follower.known()
    before = known.updates
    await asyncio.sleep(0.05)
    assert known.updates == before
    recording.commit(7.0)
    assert (await follower.known()).shown["dut.value"][1] == 7.0
    await follower.close()


async def test_what_is_no_session_is_told(tmp_path):
    (tmp_path / "x.session").write_bytes(b"nonsense")
    follower = Follower(tmp_path / "x.session")
    with pytest.raises(DamagedInput):
        await follower.known()
    await follower.close()
