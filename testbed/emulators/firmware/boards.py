"""The boards that can be emulated: how each is started, and what it takes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from testbed.bench import nearest
from testbed.errors import MissingPart, UsageError

_BUILD = "run: make firmware"


@dataclass(frozen=True)
class Start:
    """What a board is started with: its image, its wire's descriptor, its pins, and where QMP may listen."""

    image: Path
    wire: int
    pins: Path
    qmp: Path


class Board(Protocol):
    """A kind of board."""

    qmp: bool
    """Whether it is a machine that QEMU emulates, controlled over QMP; else it is a plain process."""

    def command(self, start: Start) -> Sequence[str]:
        """Return the command line; raises MissingPart for a program that is not there."""


class Qemu:
    """A machine of qemu-system-arm."""

    qmp = True

    def __init__(self, machine: str) -> None:
        self._machine = machine

    def command(self, start: Start) -> Sequence[str]:
        """Return QEMU: the wire is its first serial line, the console its stdout, the pins shared memory."""
        return (
            *self._machine_with(start.image, start.pins),
            "-add-fd", f"fd={start.wire},set=1",
            "-chardev", "serial,id=wire,path=/dev/fdset/1", "-serial", "chardev:wire",
            "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
            "-qmp", f"unix:{start.qmp},server=on,wait=off",
        )  # fmt: skip

    def scripted(self, image: Path, pins: Path, sent: Path) -> Sequence[str]:
        """Return QEMU for a scenario: time is the count of instructions, the wire's bytes go to a file."""
        return (
            *self._machine_with(image, pins),
            "-icount", "shift=5,sleep=off", "-no-reboot",
            "-chardev", f"file,id=wire,path={sent}", "-serial", "chardev:wire",
            "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
        )  # fmt: skip

    def _machine_with(self, image: Path, pins: Path) -> Sequence[str]:
        program = shutil.which("qemu-system-arm")
        if program is None:
            raise MissingPart(f"{self._machine} needs qemu-system-arm", "apt-get install qemu-system-arm")
        return (
            program, "-M", f"{self._machine},memory-backend=pins", "-nodefaults", "-nic", "none",
            "-display", "none", "-kernel", str(image),
            "-object", f"memory-backend-file,id=pins,size=16M,share=on,mem-path={pins}",
        )  # fmt: skip


class Native:
    """A program of this machine: the firmware itself, or a simulator beside the image that runs it."""

    qmp = False

    def __init__(self, simulator: str = "") -> None:
        self._simulator = simulator

    def command(self, start: Start) -> Sequence[str]:
        """Return the program with its wire and its pins."""
        program = [str(start.image)]
        if self._simulator:
            program.insert(0, str(start.image.parent / self._simulator))
        if not os.access(program[0], os.X_OK):
            raise MissingPart(f"{program[0]} is no program", _BUILD)
        return (*program, "--serial-fd", str(start.wire), "--memory", str(start.pins))


BOARDS: dict[str, Board] = {
    "host": Native(),
    "mps2-an385": Qemu("mps2-an385"),
    "atmega328p": Native("simulator"),
}
"""By the names that bench files use, which are those of the folders of firmware_stubs/boards."""


def board_of(name: str, image: Path) -> Board:
    """Return a board that could run `image`; raises UsageError, or MissingPart when it is not built."""
    if name not in BOARDS:
        raise UsageError(f"no board is called {name!r}: {nearest(name, BOARDS)}")
    if not image.is_file():
        raise MissingPart(f"there is no firmware {image}", _BUILD)
    return BOARDS[name]
