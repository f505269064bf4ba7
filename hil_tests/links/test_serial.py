from __future__ import annotations

import contextlib
import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.support import eventually
from hil_tests.support.ends import End
from testbed.clock import SystemClock
from testbed.errors import LinkError
from testbed.links import Direction, LinkLost, StreamLink, open_serial
from testbed.links.port import PortSettings
from testbed.links.serial import SerialLink


@contextlib.contextmanager
def terminal() -> Iterator[tuple[int, str]]:
    """Yield (the master's descriptor, the path to open)."""
    master, slave = pty.openpty()
    try:
        yield master, os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)


@contextlib.contextmanager
def opened(path: str, end: End, **settings: int | str | float) -> Iterator[StreamLink]:
    clock = SystemClock()
    try:
        link = open_serial(
            path,
            clock,
            received=end.received,
            lost=end.lost,
            tap=end.tap,
            settings=PortSettings(**settings),  # type: ignore[arg-type]
        )
        yield link
        link.close()
    finally:
        clock.close()


async def test_bytes_pass_raw_and_are_tapped_both_ways() -> None:
    end = End()
    with terminal() as (master, path), opened(path, end, baud=9600) as link:
        os.write(master, b"\x03\x11\x13\r\n\x04")  # what a terminal would swallow or change
        link.write(b"\r\n\x1a")
        await eventually(lambda: len(end.data) == 6, "six bytes")
        assert end.data == b"\x03\x11\x13\r\n\x04" == end.passed(Direction.RX)
        assert os.read(master, 100) == b"\r\n\x1a" == end.passed(Direction.TX)


async def test_given_no_such_port_then_the_error_names_it_and_the_next_step(tmp_path: Path) -> None:
    with (
        pytest.raises(LinkLost, match=r"cannot open serial port .*ttyUSB7") as caught,
        opened(str(tmp_path / "ttyUSB7"), End()),
    ):
        pass
    assert caught.value.next_step == "run: testbed scan serial"
    assert caught.value.exit_code == LinkError.exit_code


async def test_given_a_file_that_is_no_port_then_the_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no port")
    with pytest.raises(LinkLost, match=r"notes\.txt"), opened(str(tmp_path / "notes.txt"), End()):
        pass


async def test_given_a_port_that_is_taken_then_the_second_is_refused_until_it_is_free() -> None:
    first, second = End(), End()
    with terminal() as (_, path):
        with opened(path, first), pytest.raises(LinkLost, match="cannot open"), opened(path, second):
            pass
        with opened(path, second) as link:
            link.write(b"mine now")


@pytest.mark.parametrize("settings", [{"parity": "X"}, {"baud": -5}, {"stop_bits": 7}])
async def test_given_settings_that_no_port_has_then_it_is_an_error_and_the_port_stays_free(
    settings: dict[str, int | str],
) -> None:
    with terminal() as (_, path):
        with pytest.raises(LinkLost, match="cannot open"), opened(path, End(), **settings):
            pass
        with opened(path, End()):
            pass


async def test_given_a_parity_that_the_port_does_not_keep_then_the_settings_are_named() -> None:
    with terminal() as (_, path):
        with contextlib.suppress(LinkLost), opened(path, End(), parity="E"):
            pass
        # A pty has no parity. The C library says so only when nothing else is left to change.
        with pytest.raises(LinkLost, match="does not take 115200 baud 8E1"), opened(path, End(), parity="E"):
            pass


async def test_what_lay_in_the_port_before_it_was_opened_is_not_heard() -> None:
    end = End()
    with terminal() as (master, path):
        os.write(master, b"half an old li")
        with opened(path, end):
            os.write(master, b"new")
            await eventually(lambda: end.data, "the new bytes")
            assert end.data == b"new"


async def test_given_a_port_that_goes_away_then_the_loss_is_told_once() -> None:
    end = End()
    master, slave = pty.openpty()
    with opened(os.ttyname(slave), end) as link:
        os.close(slave)
        os.close(master)
        await eventually(lambda: end.losses, "the loss", within=2)
        with pytest.raises(LinkLost):
            link.write(b"anyone?")
    assert len(end.losses) == 1


async def test_given_a_port_without_modem_lines_then_asking_says_so_and_a_break_passes() -> None:
    with terminal() as (_, path), opened(path, End(), dtr=False, rts=True) as link:
        assert isinstance(link, SerialLink)
        with pytest.raises(LinkLost, match=r"cannot read the modem lines: "):
            link.modem_lines()
        link.set_break(True)
        link.set_break(False)


async def test_given_a_stable_name_then_the_port_behind_it_is_opened_wherever_it_came_back(
    tmp_path: Path,
) -> None:
    name = tmp_path / "usb-FTDI_FT232R_A50285BI-if00-port0"
    for word in (b"first", b"second"):
        end = End()
        with terminal() as (master, path):
            name.unlink(missing_ok=True)
            name.symlink_to(path)
            with opened(str(name), end):
                os.write(master, word)
                await eventually(lambda end=end, word=word: end.data == word, "what it says")  # type: ignore[misc]
