"""A device type as data: its signals and where they live on the wire.

Driver, emulator, dashboards and documentation are all made from a profile. What every signal has
(unit, access, limits, safe value) is checked here; the rest of a signal's keys are its address,
which belongs to the protocol and is checked with `Profile.addresses`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from testbed.signals import Access

from . import units
from .document import Document, Path_, read_document
from .problems import BenchFileError, Problem, nearest
from .validation import problems_of

SHIPPED = Path(__file__).parent / "profiles"

Address = TypeVar("Address", bound=BaseModel)

Quantity = str | float
"""A number with its unit ("60 degC") or a bare number in the unit that is expected there."""


class SignalSpec(BaseModel):
    """One signal of a profile; keys not named here are its address on the wire."""

    model_config = ConfigDict(extra="allow", frozen=True)

    unit: str = Field("", description="Unit as pint knows it: degC, %, rpm, V; empty for plain numbers")
    access: Access = Field(Access.READ, description="read (polled), notify (sent unasked) or write")
    rate: Quantity | None = Field(default=None, description="How often it is polled or sent")
    limits: tuple[Quantity, Quantity] | None = Field(default=None, description="Lowest and highest value")
    slew: Quantity | None = Field(default=None, description="Fastest change by command, unit per second")
    safe: Quantity | None = Field(default=None, description="Where it goes whenever anything fails")
    title: str = Field("", description="What it is, for people")

    @property
    def address(self) -> dict[str, Any]:
        """The keys that belong to the protocol."""
        return dict(self.model_extra or {})


class ProfileSpec(BaseModel):
    """A profile file; keys not named here belong to the protocol (identity, framing, advertising)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    profile: str = Field(description="The name under which bench files use it, for example scpi/thermometer")
    protocol: str = Field(
        description="modbus, scpi, cobs, text, ble, mqtt, sparkplug, lorawan, or that of an installed driver"
    )
    title: str = Field("", description="What the device is, for people")
    signals: dict[str, SignalSpec] = Field(min_length=1)


@dataclass(frozen=True)
class Profile:
    """A checked profile. `options` are the protocol's own keys at the top of the file."""

    name: str
    protocol: str
    title: str
    signals: dict[str, SignalSpec]
    options: dict[str, Any]
    document: Document = field(repr=False, compare=False)

    def addresses(self, model: type[Address]) -> dict[str, Address]:
        """Return every signal's address as `model`; raises BenchFileError naming each wrong line."""
        checked: dict[str, Address] = {}
        problems: list[Problem] = []
        for name, spec in self.signals.items():
            try:
                checked[name] = model.model_validate(spec.address)
            except ValidationError as error:
                problems += problems_of(error, self.document, ("signals", name), model)
        if problems:
            raise BenchFileError(problems)
        return checked

    def settings(self, model: type[Address]) -> Address:
        """Return the protocol's own keys as `model`; raises BenchFileError naming each wrong line."""
        try:
            return model.model_validate(self.options)
        except ValidationError as error:
            raise BenchFileError(problems_of(error, self.document, (), model)) from None

    def problem(self, signal: str, message: str, hint: str = "") -> BenchFileError:
        """Return an error at one signal, for checks that span several of its keys."""
        return BenchFileError([self.document.problem(("signals", signal), message, hint, key=True)])


def find_profile(name: str, folder: Path) -> Path | None:
    """Return the file of a profile: a path or a name beside the bench file, else one that is shipped."""
    relative = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    for base in (folder, folder / "profiles", SHIPPED):
        if (base / relative).is_file():
            return base / relative
    return None


def shipped_profiles() -> list[str]:
    """Return the names of the profiles in the package."""
    return sorted(str(path.relative_to(SHIPPED).with_suffix("")) for path in SHIPPED.rglob("*.yaml"))


def profile_hint(name: str, folder: Path) -> str:
    """Return the nearest profile name there is."""
    own = [path.stem for path in (folder / "profiles").glob("*.yaml")]
    return nearest(name, [*shipped_profiles(), *own])


def load_profile(file: Path) -> Profile:
    """Read and check a profile; raises BenchFileError with every problem in it."""
    return read_profile(read_document(file))


def read_profile(document: Document) -> Profile:
    """Check a profile that was read, from a file or out of a session; raises BenchFileError."""
    try:
        spec = ProfileSpec.model_validate(document.data)
    except ValidationError as error:
        raise BenchFileError(problems_of(error, document, (), ProfileSpec)) from None
    problems = [
        problem for name, signal in spec.signals.items() for problem in _check(document, name, signal)
    ]
    if problems:
        raise BenchFileError(problems)
    return Profile(
        spec.profile, spec.protocol, spec.title, spec.signals, dict(spec.model_extra or {}), document
    )


def _check(document: Document, name: str, spec: SignalSpec) -> list[Problem]:
    """Return what is wrong with a signal beyond its shape: units, limits and the safe value."""
    path: Path_ = ("signals", name)
    problems: list[Problem] = []

    def quantity(key: str, text: Quantity, unit: str, at: Path_ = ()) -> float | None:
        try:
            return units.convert(text, unit)
        except ValueError as error:
            problems.append(document.problem((*path, key, *at), f"{name}.{key}: {error}"))
            return None

    try:
        units.check_unit(spec.unit)
    except ValueError as error:
        return [document.problem((*path, "unit"), f"{name}: {error}")]
    if not name.isidentifier():
        problems.append(document.problem(path, f"{name!r} is no signal name", "letters, digits, _", key=True))
    if spec.rate is not None and (rate := quantity("rate", spec.rate, "Hz")) is not None and rate <= 0:
        problems.append(document.problem((*path, "rate"), f"{name}.rate must be above 0 Hz"))
    if spec.slew is not None:
        quantity("slew", spec.slew, f"{spec.unit}/s")
    low = high = None
    if spec.limits is not None:
        low, high = (quantity("limits", limit, spec.unit, (i,)) for i, limit in enumerate(spec.limits))
        if low is not None and high is not None and low >= high:
            problems.append(
                document.problem((*path, "limits"), f"{name}: limits must rise, not {low:g} to {high:g}")
            )
    if spec.access is Access.WRITE and spec.safe is None:
        hint = "add safe: VALUE, where it goes whenever anything fails"
        problems.append(document.problem(path, f"{name} is writable and has no safe value", hint, key=True))
    if spec.safe is not None:
        safe = quantity("safe", spec.safe, spec.unit)
        if safe is not None and ((low is not None and safe < low) or (high is not None and safe > high)):
            problems.append(
                document.problem((*path, "safe"), f"{name}: safe value {safe:g} is outside its limits")
            )
    return problems


def profile_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a profile; a signal's further keys belong to its protocol."""
    schema = ProfileSpec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
