"""Scripted runs of firmware in its own time: the same script gives the same bytes, whatever the machine does.

QEMU counts instructions instead of looking at the clock (-icount), and everything that happens to the
firmware stands in its memory before it starts. So a run depends on the image, the script and the
version of QEMU alone. What does not hold: an instruction takes 32 ns here whatever it is, so that time
is exact against itself and not against a real Cortex-M3; and no plant answers the outputs.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from testbed.bench import BenchFileError, nearest, units
from testbed.bench.document import Document, read_document
from testbed.bench.profile import Quantity
from testbed.bench.validation import problems_of
from testbed.errors import TestbedError

from .boards import Qemu, board_of
from .node import Node, load_node
from .pins import from_pwm, open_window, to_adc

_END, _ADC, _BYTE = range(3)
_LONGEST = 3600.0  # s of the firmware's time: its counter wraps after 71 minutes
_BOARD = "mps2-an385"


class StepSpec(BaseModel):
    """What happens at one time: values that the plant takes, bytes that the controller sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Quantity
    set: dict[str, Quantity] = Field(default_factory=dict, description="signal: value")
    send: str = Field("", description="Text for the wire")
    send_hex: str = Field("", description="Bytes for the wire, as hexadecimal digits")

    @model_validator(mode="after")
    def _readable(self) -> StepSpec:
        bytes.fromhex(self.send_hex)
        return self

    @property
    def data(self) -> bytes:
        """All that is sent."""
        return self.send.encode() + bytes.fromhex(self.send_hex)


class ScenarioSpec(BaseModel):
    """A script: its steps, and when it ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lasts: Quantity
    steps: list[StepSpec]


@dataclass(frozen=True)
class Outcome:
    """What firmware did in a scenario: `driven` is (seconds, signal, value) of each change of an output."""

    sent: bytes
    console: tuple[str, ...]
    driven: tuple[tuple[float, str, float], ...]


async def run_scenario(image: Path, script: Path, patience: float = 60.0) -> Outcome:
    """Run an image of mps2-an385 through a script.

    `patience` is in seconds of this machine. Raises BenchFileError for a wrong script, MissingPart
    without QEMU or image, TestbedError when the firmware does not come to the end.
    """
    board = board_of(_BOARD, image)
    assert isinstance(board, Qemu)  # noqa: S101  (the one board whose time can be counted)
    node = load_node(image.with_suffix(".yaml"))
    document = read_document(script)
    try:
        spec = ScenarioSpec.model_validate(document.data)
    except ValidationError as error:
        raise BenchFileError(problems_of(error, document, (), ScenarioSpec)) from None
    steps = _steps(spec, node, document)
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        sent = Path(folder) / "sent"
        with open_window(Path(folder) / "pins") as window:
            window.set_steps(steps)
            console = await _run(board.scripted(image, window.path, sent), patience)
            traces = window.traces()
        data = sent.read_bytes()
    if not any("scenario: over" in line for line in console):
        last = console[-1] if console else "it said nothing"
        raise TestbedError(f"{image} did not come to the end of the scenario: {last}", "run: make firmware")
    return Outcome(data, console, _driven(node, traces))


def _steps(spec: ScenarioSpec, node: Node, document: Document) -> list[tuple[int, int, int, int]]:
    steps: list[tuple[int, int, int, int]] = []
    for index, step in enumerate(spec.steps):
        try:
            us = round(units.seconds(step.at) * 1e6)
            for name, value in step.set.items():
                pin = node.inputs.get(name)
                if pin is None or pin.adc is None:
                    known = [each for each, pin in node.inputs.items() if pin.adc is not None]
                    raise ValueError(f"{node.name} measures no {name!r}: {nearest(name, known)}")
                number = units.convert(value, node.profile.signals[name].unit)
                steps.append((us, _ADC, pin.adc, to_adc(pin, number)))
        except ValueError as error:
            raise BenchFileError([document.problem(("steps", index), str(error))]) from None
        steps += [(us, _BYTE, 0, byte) for byte in step.data]
    lasts = units.seconds(spec.lasts)
    if not 0 < lasts <= _LONGEST:
        raise BenchFileError([document.problem(("lasts",), f"must be above 0 s and at most {_LONGEST:g} s")])
    steps.append((round(lasts * 1e6), _END, 0, 0))
    return sorted(steps, key=lambda step: step[0])


async def _run(command: Sequence[str], patience: float) -> tuple[str, ...]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(patience):
            output, _ = await process.communicate()
    except TimeoutError:
        raise TestbedError(f"the scenario did not end within {patience:g} s of this machine") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    lines = output.decode("ascii", "backslashreplace").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and "has no peer" not in line)


def _driven(node: Node, traces: list[tuple[int, int, int]]) -> tuple[tuple[float, str, float], ...]:
    names = {spec.pwm: name for name, spec in node.outputs.items()}
    return tuple(
        (us / 1e6, names[channel], from_pwm(node.outputs[names[channel]], duty))
        for us, channel, duty in traces
        if channel in names
    )
