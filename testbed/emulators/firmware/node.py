"""What is wired to a firmware node: its node file, read once, checked against the profile that it speaks.

The node file stands between the profile and the pins. The firmware's tables are made from it
(header.py), and so is what the emulator does at the pins' other side (pins.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from testbed.bench import BenchFileError, Problem, nearest, units
from testbed.bench.document import Document, read_document
from testbed.bench.profile import Profile, Quantity, find_profile, load_profile, profile_hint
from testbed.bench.validation import problems_of
from testbed.errors import UsageError
from testbed.signals import Access

CHANNELS = 16
"""ADC and PWM channels that a board may have."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Thermistor(_Spec):
    """A thermistor from the ADC's input to ground, a resistor from there to the ADC's reference."""

    resistance: float = Field(gt=0, description="Ohm at 25 degC")
    beta: float = Field(gt=0, description="Of the beta equation, in K")
    pull_up: float = Field(gt=0, description="Ohm of the resistor to the reference")


class InputSpec(_Spec):
    """Where a signal that is read comes from: an ADC channel, or what the firmware knows of itself."""

    adc: int | None = Field(None, ge=0, lt=CHANNELS, description="ADC channel")
    range: tuple[float, float] | None = Field(None, description="Values at 0 and at full scale")
    thermistor: Thermistor | None = None
    status: Literal["uptime", "boot_reason", "watchdog_trips"] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> InputSpec:
        if (self.adc is None) == (self.status is None):
            raise ValueError("give adc: CHANNEL or status: uptime, boot_reason or watchdog_trips")
        if self.adc is not None and (self.range is None) == (self.thermistor is None):
            raise ValueError("an adc input needs range: [LOW, HIGH] or thermistor: {...}")
        return self


class OutputSpec(_Spec):
    """The PWM channel that follows a written signal."""

    pwm: int = Field(ge=0, lt=CHANNELS, description="PWM channel")
    range: tuple[float, float] = Field((0, 100), description="Values at duty 0 and at full duty")

    @model_validator(mode="after")
    def _rises(self) -> OutputSpec:
        if not self.range[0] < self.range[1]:
            raise ValueError("range must rise, as in [0, 100]")
        return self


class NodeSpec(_Spec):
    """A node file."""

    profile: str = Field(description="What the node speaks: a profile's name or file")
    watchdog: Quantity = Field(description="Time without a command after which the outputs go safe")
    unit: int = Field(1, ge=1, le=247, description="Modbus unit id")
    inputs: dict[str, InputSpec] = Field(default_factory=dict)
    outputs: dict[str, OutputSpec] = Field(default_factory=dict)

    @field_validator("watchdog")
    @classmethod
    def _fits(cls, text: Quantity) -> Quantity:
        if not 0.02 <= units.seconds(text) <= 1000:
            raise ValueError("watchdog must be 20 ms to 1000 s")
        return text


@dataclass(frozen=True)
class Node:
    """A node: its profile, its pins, and its deadline in seconds."""

    name: str
    profile: Profile
    watchdog: float
    unit: int
    inputs: Mapping[str, InputSpec]
    outputs: Mapping[str, OutputSpec]
    document: Document = field(repr=False, compare=False)


def load_node(file: Path, profile: Profile | None = None) -> Node:
    """Read and check a node file, against `profile` if it is given and else against the one that it names.

    Raises UsageError when it is missing, BenchFileError for all that is wrong.
    """
    if not file.is_file():
        raise UsageError(
            f"there is no node file {file}", "run: make firmware, which puts it beside the image"
        )
    document = read_document(file)
    try:
        spec = NodeSpec.model_validate(document.data)
    except ValidationError as error:
        raise BenchFileError(problems_of(error, document, (), NodeSpec)) from None
    if profile is None:
        profile = _profile(spec.profile, file, document)
    if problems := _check(spec, profile, document):
        raise BenchFileError(problems)
    return Node(
        file.stem, profile, units.seconds(spec.watchdog), spec.unit, spec.inputs, spec.outputs, document
    )


def _profile(name: str, file: Path, document: Document) -> Profile:
    found = find_profile(name, file.parent)
    if found is None:
        hint = profile_hint(name, file.parent)
        raise BenchFileError([document.problem(("profile",), f"no profile is called {name!r}", hint)])
    return load_profile(found)


def _check(spec: NodeSpec, profile: Profile, document: Document) -> list[Problem]:
    problems: list[Problem] = []
    told = {name for name, signal in profile.signals.items() if signal.access is Access.WRITE}
    read = set(profile.signals) - told
    for section, names, known in (("inputs", spec.inputs, read), ("outputs", spec.outputs, told)):
        problems += [
            document.problem(
                (section, name),
                f"{profile.name} has no {'readable' if known is read else 'writable'} signal {name!r}",
                nearest(name, known),
                key=True,
            )
            for name in names
            if name not in known
        ]
    channels: dict[int, str] = {}
    for name, output in spec.outputs.items():
        first = channels.setdefault(output.pwm, name)
        if first != name:
            problems.append(
                document.problem(("outputs", name, "pwm"), f"PWM {output.pwm} already drives {first}")
            )
    return problems
