"""A byte stream with faults in it: what arrives, when, and that the record is what the driver saw."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.bench.faults import WIRE
from testbed.clock import VirtualClock, run_virtual
from testbed.links import Direction, LinkLost, Switchboard
from testbed.links.faulty import FaultyOpener, FaultyWire
from testbed.links.faulty.effects import EFFECTS

RX, TX = Direction.RX, Direction.TX


class Line:
    """A TCP wire in memory whose device echoes nothing: what each side heard, with times in ms."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.start_ns = clock.now()
        self.wire = FaultyWire(clock, "dut")
        self.heard: list[tuple[float, bytes]] = []
        self.told: list[tuple[float, bytes]] = []
        self.record: list[tuple[Direction, bytes]] = []
        self.losses: list[str] = []
        self.board = Switchboard()
        self.opener = FaultyOpener(self.board, self.wire)

    async def open(self) -> Any:
        return await self.opener.tcp(
            "dut", 1, self.clock, received=lambda _, data: self.heard.append((self.ms, data)),
            lost=self.losses.append, tap=lambda _, direction, data: self.record.append((direction, data)),
        )  # fmt: skip

    def accept(self, far: Any) -> Any:
        self.far = far
        return (lambda _, data: self.told.append((self.ms, data))), (lambda reason: None)

    @property
    def ms(self) -> float:
        return round((self.clock.now() - self.start_ns) / 1e6, 2)

    def begin(self, fault: str, seed: int = 7, **told: float | str) -> None:
        usual = {name: each.usual for name, each in WIRE[fault].parameters.items() if each.usual is not None}
        self.wire.begin(fault, {**usual, **told}, random.Random(seed))


def on_a_line(test: Any) -> Any:
    """Run a test with a line, in virtual time."""

    def run() -> None:
        async def main(clock: VirtualClock) -> None:
            line = Line(clock)
            with line.board.listen("dut", 1, line.accept):
                await test(line, await line.open())

        run_virtual(main)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@on_a_line
async def test_given_nothing_is_broken_then_all_passes_at_once(line, link):
    link.write(b"ask")
    line.far.write(b"answer")
    await line.clock.sleep(1)
    assert (line.told, line.heard) == ([(0.05, b"ask")], [(0.05, b"answer")])
    assert line.record == [(TX, b"ask"), (RX, b"answer")]


@on_a_line
async def test_delay_makes_each_way_late_by_so_much_and_keeps_the_order(line, link):
    line.begin("delay", by=0.2)
    for part in (b"1", b"2", b"3"):
        line.far.write(part)
    link.write(b"ask")
    await line.clock.sleep(1)
    assert [data for _, data in line.heard] == [b"1", b"2", b"3"]
    assert {at for at, _ in line.heard} == {200.05}
    assert line.told == [(200.05, b"ask")]
    assert line.record[0] == (TX, b"ask"), "recorded as the driver wrote it"


@on_a_line
async def test_towards_says_which_way(line, link):
    line.begin("delay", by=0.2, towards="device")
    line.far.write(b"answer")
    link.write(b"ask")
    await line.clock.sleep(1)
    assert (line.heard, line.told) == ([(0.05, b"answer")], [(200.05, b"ask")])


@on_a_line
async def test_jitter_is_by_chance_and_keeps_the_order(line, link):
    line.begin("jitter", upto=0.1)
    for number in range(50):
        line.far.write(bytes([number]))
        await line.clock.sleep(0.01)
    await line.clock.sleep(1)
    assert [data for _, data in line.heard] == [bytes([number]) for number in range(50)]
    late = [at - 10 * number for number, (at, _) in enumerate(line.heard)]
    assert max(late) <= 100.1
    assert max(late) - min(late) > 20


@on_a_line
async def test_drop_leaves_out_its_share_and_the_record_holds_what_the_driver_wrote(line, link):
    line.begin("drop", share=0.5, towards="device")
    for number in range(200):
        link.write(bytes([number]))
    await line.clock.sleep(1)
    assert 60 < len(line.told) < 140
    assert len(line.record) == 200


@on_a_line
async def test_duplicate_lets_it_arrive_twice(line, link):
    line.begin("duplicate", towards="controller")
    line.far.write(b"x")
    await line.clock.sleep(1)
    assert [data for _, data in line.heard] == [b"x", b"x"]
    assert line.record == [(RX, b"x"), (RX, b"x")]


@on_a_line
async def test_reorder_lets_what_is_held_back_be_overtaken(line, link):
    line.begin("reorder", share=0.4, by=0.05)
    for number in range(50):
        line.far.write(bytes([number]))
        await line.clock.sleep(0.01)
    await line.clock.sleep(1)
    arrived = [data[0] for _, data in line.heard]
    assert sorted(arrived) == list(range(50))
    assert arrived != sorted(arrived)


@on_a_line
async def test_corrupt_flips_one_bit(line, link):
    line.begin("corrupt", towards="controller")
    line.far.write(bytes(8))
    await line.clock.sleep(1)
    ((_, data),) = line.heard
    assert sum(byte.bit_count() for byte in data) == 1


@on_a_line
async def test_truncate_lets_only_the_beginning_arrive(line, link):
    line.begin("truncate", towards="controller")
    for _ in range(20):
        line.far.write(b"abcdefgh")
    await line.clock.sleep(1)
    assert all(b"abcdefgh".startswith(data) and len(data) < 8 for _, data in line.heard)


@on_a_line
async def test_split_lets_it_arrive_in_two_pieces_with_a_gap(line, link):
    line.begin("split", gap=0.02, towards="controller")
    line.far.write(b"abcdefgh")
    await line.clock.sleep(1)
    (first, head), (second, tail) = line.heard
    assert head + tail == b"abcdefgh"
    assert second - first == pytest.approx(20.0)


@on_a_line
async def test_stall_lets_everything_arrive_when_it_is_over(line, link):
    line.begin("stall")
    line.far.write(b"1")
    line.far.write(b"2")
    link.write(b"ask")
    await line.clock.sleep(1)
    assert (line.heard, line.told) == ([], [])
    line.wire.end("stall")
    line.far.write(b"3")
    await line.clock.sleep(1)
    assert [data for _, data in line.heard] == [b"1", b"2", b"3"]
    assert [data for _, data in line.told] == [b"ask"]


@on_a_line
async def test_half_open_lets_nothing_pass_and_tells_nobody(line, link):
    line.begin("half-open")
    line.far.write(b"1")
    link.write(b"ask")
    line.wire.end("half-open")
    await line.clock.sleep(1)
    assert (line.heard, line.told, line.losses) == ([(0.05, b"1")], [], [])


@on_a_line
async def test_disconnect_loses_the_link_and_lets_nobody_open_another(line, link):
    line.begin("disconnect")
    assert line.losses == ["the wire is disconnected"]
    with pytest.raises(LinkLost):
        link.write(b"ask")
    with pytest.raises(LinkLost, match="the wire of dut is disconnected on purpose"):
        await line.open()
    line.wire.end("disconnect")
    again = await line.open()
    again.write(b"ask")
    await line.clock.sleep(1)
    assert [data for _, data in line.told] == [b"ask"]


@on_a_line
async def test_a_stale_answer_is_that_of_the_time_before(line, link):
    line.begin("stale-answer")
    for part in (b"1", b"2", b"3"):
        line.far.write(part)
    await line.clock.sleep(1)
    assert [data for _, data in line.heard] == [b"1", b"1", b"2"]


@on_a_line
async def test_a_wrong_answer_is_one_of_some_time_ago(line, link):
    line.begin("wrong-answer")
    for part in (b"1", b"2", b"3", b"4"):
        line.far.write(part)
    await line.clock.sleep(1)
    assert line.heard[0][1] == b"1"
    assert all(data != own for (_, data), own in zip(line.heard[1:], (b"2", b"3", b"4"), strict=True))


@on_a_line
async def test_a_slow_clock_lets_all_come_ever_later(line, link):
    line.begin("clock-drift", rate=0.01)
    for _ in range(3):
        await line.clock.sleep(10)
        line.far.write(b"x")
    await line.clock.sleep(5)
    late = [at - 10_000 * number for number, (at, _) in enumerate(line.heard, 1)]
    assert late == pytest.approx([100, 200, 300], abs=1)


@on_a_line
async def test_several_faults_act_one_after_the_other_and_when_they_are_over_all_passes_as_it_is(line, link):
    line.begin("delay", by=0.1)
    line.begin("duplicate")
    line.far.write(b"x")
    await line.clock.sleep(1)
    line.wire.end("delay")
    line.wire.end("duplicate")
    line.far.write(b"y")
    await line.clock.sleep(1)
    assert line.heard == [(100.05, b"x"), (100.05, b"x"), (1000.05, b"y")]
    assert line.wire.quiet(RX)


@on_a_line
async def test_nothing_is_handed_to_a_driver_that_has_closed(line, link):
    line.begin("delay", by=0.1)
    line.far.write(b"x")
    await line.clock.sleep(0.05)
    link.close()
    await line.clock.sleep(1)
    assert (line.heard, line.losses) == ([], [])


CHUNKS = st.lists(st.binary(min_size=1, max_size=9), max_size=20)


@given(CHUNKS, st.sampled_from(sorted(EFFECTS)), st.integers(0, 9))
def test_the_driver_hears_what_is_recorded_and_the_same_seed_gives_the_same(chunks, fault, seed):
    def run() -> tuple[list[tuple[Direction, bytes]], list[tuple[float, bytes]]]:
        async def main(clock: VirtualClock) -> Any:
            line = Line(clock)
            with line.board.listen("dut", 1, line.accept):
                await line.open()
                line.begin(fault, seed=seed)
                for chunk in chunks:
                    if line.far.peer is not None:
                        line.far.write(chunk)
                await clock.sleep(5)
                return line.record, line.heard

        return run_virtual(main)

    record, heard = run()
    assert [data for direction, data in record if direction is RX] == [data for _, data in heard]
    assert run() == (record, heard)


def test_the_catalogue_and_the_effects_are_the_same():
    assert set(WIRE) == set(EFFECTS)
