from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.support import eventually
from hil_tests.support.ends import End, turns
from testbed.clock import SystemClock
from testbed.links import LinkLost, PtyEnd, StreamLink, open_serial


class Desk:
    """A device's end of a pty, and the way to open the controller's."""

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self.device, self.controller = End(), End()
        self.port = PtyEnd(folder / "ports" / "dut", self.clock, self.device.received)
        self._links: list[StreamLink] = []

    def open(self) -> StreamLink:
        link = open_serial(
            str(self.port.path),
            self.clock,
            received=self.controller.received,
            lost=self.controller.lost,
            tap=self.controller.tap,
        )
        self._links.append(link)
        return link

    def close(self) -> None:
        for link in self._links:
            link.close()
        self.port.unplug()
        self.clock.close()


@contextlib.contextmanager
def desk(folder: Path) -> Iterator[Desk]:
    one = Desk(folder)
    try:
        yield one
    finally:
        one.close()


async def test_every_byte_value_passes_unchanged_both_ways(tmp_path: Path) -> None:
    with desk(tmp_path) as wire:
        wire.port.plug()
        every = bytes(range(256))
        wire.open().write(every)
        wire.port.write(every)
        await eventually(
            lambda: len(wire.device.data) >= 256 and len(wire.controller.data) >= 256, "256 bytes"
        )
        assert wire.device.data == every
        assert wire.controller.data == every


async def test_given_an_unplugged_port_then_there_is_nothing_to_open(tmp_path: Path) -> None:
    with desk(tmp_path) as wire:
        assert not wire.port.plugged
        with pytest.raises(LinkLost, match=r"cannot open serial port .*dut"):
            wire.open()
        wire.port.write(b"into the void")


async def test_when_unplugged_the_controller_loses_it_at_once_and_its_name_is_gone(tmp_path: Path) -> None:
    with desk(tmp_path) as wire:
        wire.port.plug()
        link = wire.open()
        wire.port.unplug()
        assert not wire.port.plugged
        assert not wire.port.path.is_symlink()
        await eventually(lambda: wire.controller.losses, "the loss", within=2)
        assert len(wire.controller.losses) == 1
        with pytest.raises(LinkLost):
            link.write(b"anyone?")


async def test_when_plugged_again_the_same_name_leads_to_it(tmp_path: Path) -> None:
    with desk(tmp_path) as wire:
        for turn in (b"first", b"second"):
            wire.port.plug()
            wire.port.plug()  # it is in already
            wire.open().write(turn)
            await eventually(lambda t=turn: wire.device.data.endswith(t), f"the {turn!r} words")
            wire.port.unplug()
            wire.port.unplug()
            await eventually(lambda: wire.controller.losses, "the loss")
        assert wire.device.data == b"firstsecond"


async def test_given_a_controller_that_leaves_then_the_port_stays_for_the_next(tmp_path: Path) -> None:
    with desk(tmp_path) as wire:
        wire.port.plug()
        wire.open().close()
        second = wire.open()
        wire.port.write(b"hello")
        second.write(b"world")
        await eventually(lambda: wire.controller.data == b"hello" and wire.device.data == b"world", "both")
        assert wire.controller.losses == []


async def test_given_what_was_sent_before_the_port_was_opened_then_nobody_hears_it(tmp_path: Path) -> None:
    with desk(tmp_path) as wire:
        wire.port.plug()
        for _ in range(50_000):
            wire.port.write(b"an old reading, long before anybody came\n")
        wire.open()
        await turns()
        wire.port.write(b"news\n")
        await eventually(lambda: wire.controller.data.endswith(b"news\n"), "the news")
        assert wire.controller.data == b"news\n"


async def test_given_more_was_sent_than_the_kernel_holds_then_nobody_hears_the_rest(tmp_path: Path) -> None:
    with desk(tmp_path) as wire:
        wire.port.plug()
        wire.port.write(b"an old reading\n" * 20_000)
        wire.open()
        await turns()
        wire.port.write(b"news\n")
        await eventually(lambda: wire.controller.data.endswith(b"news\n"), "the news")
        assert wire.controller.data == b"news\n"


async def test_an_answer_larger_than_the_kernel_holds_arrives_whole(tmp_path: Path) -> None:
    with desk(tmp_path) as wire:
        wire.port.plug()
        wire.open()
        answer = bytes(range(256)) * 1000
        await turns()
        wire.port.write(answer)
        await eventually(lambda: len(wire.controller.data) >= len(answer), "all of it")
        assert wire.controller.data == answer


async def test_given_a_stale_name_from_a_crash_then_plugging_takes_its_place(tmp_path: Path) -> None:
    with desk(tmp_path) as wire:
        wire.port.path.parent.mkdir()
        wire.port.path.symlink_to("/dev/pts/nothing")
        wire.port.plug()
        wire.open().write(b"here")
        await eventually(lambda: wire.device.data == b"here", "the bytes")
