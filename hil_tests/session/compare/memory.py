"""Recordings in memory, and sessions of the demo bench recorded in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from testbed.bench import load_bench
from testbed.protocols.meaning import Meaning
from testbed.session.compare import SampleBlock
from testbed.session.file import Frame
from testbed.session.virtual import run_virtually
from testbed.signals import Access, Command, Event, Quality, Sample, Signal

RIG = Path(__file__).parents[3] / "benches" / "thermal-rig.yaml"

SIGNALS = (
    Signal(0, "probe", "temperature", "degC"),
    Signal(1, "heater", "duty", "%", Access.WRITE, limits=(0.0, 100.0), safe=0.0),
)
SECOND = 10**9


@dataclass
class Memory:
    """A recording that a test wrote down; samples come in blocks of `block`."""

    samples_of: Sequence[Sample] = ()
    frames_of: Sequence[Frame] = ()
    commands_of: Sequence[Command] = ()
    events_of: Sequence[Event] = ()
    span: tuple[int, int] = (0, 100 * SECOND)
    name: str = "memory"
    signals: Sequence[Signal] = SIGNALS
    block: int = 3
    devices: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        self.devices = sorted({frame.device for frame in self.frames_of})

    def samples(self, signal: Signal) -> Iterator[SampleBlock]:
        held, reason = [each for each in self.samples_of if each.signal == signal.id], ""
        for first in range(0, len(held), self.block):
            part, reasons = held[first : first + self.block], []
            for at, sample in enumerate(part):
                if sample.reason != reason:
                    reasons.append((at, sample.reason))
                    reason = sample.reason
            yield SampleBlock(
                np.array([sample.time_ns for sample in part], np.int64),
                np.array([sample.value for sample in part], np.float64),
                np.array([sample.quality for sample in part], np.uint8),
                reasons,
            )

    def frames(self, device: str) -> Iterator[Frame]:
        return (frame for frame in self.frames_of if frame.device == device)

    def commands(self) -> Iterator[Command]:
        return iter(self.commands_of)

    def events(self) -> Iterator[Event]:
        return iter(self.events_of)

    def describe(self, device: str, frames: Iterable[Frame]) -> list[list[Meaning]]:
        return [[Meaning(0, len(frame.data), f"{len(frame.data)} bytes")] for frame in frames]


def curve(times: Iterable[float], values: Iterable[float], signal: int = 0) -> list[Sample]:
    """Return good samples at times in seconds."""
    return [
        Sample(signal, round(time * SECOND), float(value)) for time, value in zip(times, values, strict=True)
    ]


def bad(time: float, reason: str, signal: int = 0) -> Sample:
    return Sample(signal, round(time * SECOND), float("nan"), Quality.BAD, reason)


def record_rig(path: Path, seconds: float, bench: Path = RIG) -> Path:
    """Record the demo bench, or a changed one, in virtual time: the same bytes on every run."""
    run_virtually(load_bench(bench, {}), path, seconds, seed=0, tell=lambda event: None)
    return path


def change_rig(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write a copy of the demo bench with some of its text replaced."""
    text = RIG.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    numbers = itertools.count()
    file = next(file for number in numbers if not (file := folder / f"changed-{number}.yaml").exists())
    file.write_text(text)
    return file
