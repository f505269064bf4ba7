"""The catalogue of faults: what can be broken on purpose, where, and what each fault can be told.

Faults at the wire act between driver and wire, so they work on real devices too. All others act in what
emulates a device, or in the plant behind it. A fault is inert until it is armed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .boards import PlannedFault
from .problems import nearest
from .units import convert, split_quantity


class Place(StrEnum):
    """Where a fault acts."""

    WIRE = "wire"
    DEVICE = "device"
    SENSOR = "sensor"
    ACTUATOR = "actuator"
    ANSWER = "answer"
    PLANT = "plant"
    FIRMWARE = "firmware"
    RADIO = "radio"


@dataclass(frozen=True)
class Parameter:
    """What a fault can be told: `unit` is that of the number, empty for a plain one, None for a name.

    `usual` is taken when nothing is told, in that unit; `choices` are the names that are known, if any. A
    quantity of the unit SIGNAL is in that of the signal which the fault is about.
    """

    what: str
    unit: str | None = ""
    needed: bool = False
    usual: float | str | None = None
    choices: tuple[str, ...] = ()


SIGNAL = "signal"
"""The unit of a quantity of the signal that a fault is about, and the parameter that names this signal."""


@dataclass(frozen=True)
class Fault:
    """One entry: what it does, where, whether it lasts until it is mended, and its parameters.

    A fault of the place ANSWER is for devices that are emulated in one `protocol`.
    """

    what: str
    lasts: bool
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    place: Place = Place.FIRMWARE
    protocol: str = ""

    def unsuited(self, protocol: str, scheme: str, *, firmware: bool) -> str:
        """Return why it cannot be had at an emulated device of a protocol and wire; empty if it can."""
        if self.place is Place.FIRMWARE and not firmware:
            return "is for devices that run firmware"
        if self.place is Place.ANSWER and (firmware or protocol != self.protocol):
            return f"is for devices emulated in {self.protocol}"
        if self.place is Place.RADIO and scheme not in RADIO_SCHEMES:
            return "is for Bluetooth devices"
        return ""


_TOWARDS = Parameter(
    "which way: controller, device or both", None, usual="both", choices=("both", "controller", "device")
)
_SHARE = Parameter("of all that passes, which share; all if not told", "", usual=1.0)
_SENSOR = Parameter("the measured signal", None, needed=True)
_ACTUATOR = Parameter("the actuator", None, needed=True)


def _wire(what: str, **parameters: Parameter) -> Fault:
    return Fault(what, True, parameters, Place.WIRE)


WIRE: dict[str, Fault] = {
    "delay": _wire(
        "all arrives later", by=Parameter("how much later", "s", usual=0.2), towards=_TOWARDS
    ),
    "jitter": _wire(
        "all arrives later, by chance more or less",
        upto=Parameter("how much later at most", "s", usual=0.1), towards=_TOWARDS,
    ),
    "drop": _wire("what is sent does not arrive", share=_SHARE, towards=_TOWARDS),
    "duplicate": _wire("what is sent arrives twice", share=_SHARE, towards=_TOWARDS),
    "reorder": _wire(
        "what is sent later arrives earlier",
        share=Parameter("of all that passes, which share is held back", "", usual=0.3),
        by=Parameter("how long it is held back", "s", usual=0.05), towards=_TOWARDS,
    ),
    "corrupt": _wire("one bit arrives as another", share=_SHARE, towards=_TOWARDS),
    "truncate": _wire("only the beginning arrives", share=_SHARE, towards=_TOWARDS),
    "split": _wire(
        "it arrives in two pieces", gap=Parameter("the time between them", "s", usual=0.02), towards=_TOWARDS
    ),
    "stall": _wire("nothing arrives; all of it does when it is over", towards=_TOWARDS),
    "half-open": _wire("nothing arrives any more, and neither side is told"),
    "disconnect": _wire("the wire is lost, and cannot be opened while it lasts"),
    "wrong-answer": _wire("the device answers what was asked some time ago", share=_SHARE),
    "stale-answer": _wire("the device answers as it did the time before", share=_SHARE),
    "clock-drift": _wire(
        "the device's clock is slow: what it sends comes ever later",
        rate=Parameter("how much slow", "", usual=0.01),
    ),
}  # fmt: skip
"""What can be done to every wire, of a real device too."""

EMULATED: dict[str, Fault] = {
    "unplug": Fault("its cable is pulled", True, {}, Place.DEVICE),
    "reboot": Fault(
        "it is away for a moment, and comes back with the values that it starts with", False,
        {"away": Parameter("how long it is away", "s", usual=1.0)}, Place.DEVICE,
    ),
    "stuck": Fault(
        "a sensor shows the same value on and on", True,
        {SIGNAL: _SENSOR, "value": Parameter("which; that of now if not told", SIGNAL)}, Place.SENSOR,
    ),
    "drifting": Fault(
        "a sensor shows ever more than there is", True,
        {SIGNAL: _SENSOR, "rate": Parameter("how much more each minute", SIGNAL, needed=True)}, Place.SENSOR,
    ),
    "noisy": Fault(
        "a sensor shows more noise", True,
        {SIGNAL: _SENSOR, "sigma": Parameter("its standard deviation", SIGNAL, needed=True)}, Place.SENSOR,
    ),
    "saturated": Fault(
        "a sensor shows no more than so much", True,
        {SIGNAL: _SENSOR, "value": Parameter("its end; the value of now if not told", SIGNAL)}, Place.SENSOR,
    ),
    "jammed": Fault(
        "an actuator takes commands, and stays where it is", True, {SIGNAL: _ACTUATOR}, Place.ACTUATOR
    ),
    "slow": Fault(
        "an actuator follows slowly", True,
        {SIGNAL: _ACTUATOR, "lag": Parameter("time constant of a first-order lag", "s", usual=5.0)},
        Place.ACTUATOR,
    ),
}  # fmt: skip
"""What can be done to every emulated device."""

_ANSWERS = Parameter("of all answers, which share; all if not told", "", usual=1.0)


def _modbus(what: str, **parameters: Parameter) -> Fault:
    return Fault(what, True, {**parameters, "share": _ANSWERS}, Place.ANSWER, "modbus")


MODBUS: dict[str, Fault] = {
    "exception": _modbus(
        "it refuses what it is asked", code=Parameter("the exception's number", "", usual=4.0)
    ),
    "wrong-unit": _modbus("it answers in the name of another unit"),
    "wrong-length": _modbus("it answers with less than it was asked for, or more if that was little"),
    "wrong-checksum": _modbus("the checksum of its answers is wrong"),
}
"""What can be done to an emulated Modbus device."""

FIRMWARE: dict[str, Fault] = {
    "reset": Fault(
        "the microcontroller's reset line is pulled; the port stays, what was on the line is lost", False
    ),
    "hang": Fault(
        "the microcontroller stands still, its clock too, its outputs as they are; then goes on", True
    ),
    "brown-out": Fault("the supply is gone, outputs too; when it comes back the firmware starts anew", True),
    "flash-corruption": Fault(
        "one bit of the image is another; the board starts with it, and with the sound image when mended",
        True,
        {"byte": Parameter("which byte of the image; by chance if not given")},
    ),
    "stuck-adc": Fault(
        "an input no longer follows the plant",
        True,
        {
            "signal": Parameter("the measured signal", None, needed=True),
            "value": Parameter("where it stays, in the signal's unit; where it is now if not given", None),
        },
    ),
    "uart-noise": Fault(
        "random bytes on the line, towards both sides",
        True,
        {"rate": Parameter("bytes a second; 100 if not given", "Hz")},
    ),
}
"""What can be done to a device that runs firmware."""

RADIO: dict[str, Fault] = {
    "weak-signal": Fault(
        "it is heard more faintly; below -95 dBm not at all, and its connection is lost", True,
        {"rssi": Parameter("how strong it is heard, in dBm", "", usual=-100.0)}, Place.RADIO,
    ),
    "slow-connection": Fault(
        "all waits for the next connection event", True,
        {"interval": Parameter("the time between two", "s", usual=0.2)}, Place.RADIO,
    ),
    "notify-loss": Fault(
        "some of its notifications are not sent", True,
        {"share": Parameter("which share of them", "", usual=0.1)}, Place.RADIO,
    ),
    "att-error": Fault(
        "it refuses to read and to write a signal", True,
        {SIGNAL: Parameter("which", None, needed=True),
         "code": Parameter("its ATT error; 14, Unlikely Error, if not told", "", usual=14.0)},
        Place.RADIO,
    ),
}  # fmt: skip
"""What can be done to an emulated Bluetooth device."""

RADIO_SCHEMES = ("ble", "nus")
"""The wires of such devices."""

CATALOGUE: Mapping[str, Fault] = {**WIRE, **EMULATED, **MODBUS, **FIRMWARE, **RADIO}
"""Every fault but those of plants, which plants declare themselves."""


def wrong_in(
    planned: PlannedFault, fault: Fault, units: Mapping[str, str]
) -> list[tuple[tuple[str, ...], str, str]]:
    """Return (where, what is wrong, hint) for all that a fault is told; `units` are those of the signals."""
    found: list[tuple[tuple[str, ...], str, str]] = []
    for name, value in planned.parameters.items():
        parameter = fault.parameters.get(name)
        if parameter is None:
            hint = nearest(name, fault.parameters) if fault.parameters else "it takes none"
            found.append((("parameters", name), f"{planned.fault} has no parameter {name!r}", hint))
            continue
        found += [
            (("parameters", name), text, hint)
            for text, hint in _wrong(planned, name, parameter, value, units)
        ]
    found += [
        ((), f"{planned.fault} needs parameters: {{{name}: ...}}: {parameter.what}", "")
        for name, parameter in fault.parameters.items()
        if parameter.needed and name not in planned.parameters
    ]
    if planned.lasts is not None and not fault.lasts:
        found.append((("for",), f"{planned.fault} is over at once, leave for: out", ""))
    return found


def _wrong(
    planned: PlannedFault, name: str, parameter: Parameter, value: float | str, units: Mapping[str, str]
) -> list[tuple[str, str]]:
    if parameter.choices and value not in parameter.choices:
        return [
            (
                f"{name}: {value!r} is none of {', '.join(parameter.choices)}",
                nearest(str(value), parameter.choices),
            )
        ]
    if name == SIGNAL and parameter.unit is None and value not in units:
        return [(f"{planned.device} has no signal {value!r}", nearest(str(value), units))]
    if parameter.unit is None:
        return []
    unit = units.get(str(planned.parameters.get(SIGNAL)), "") if parameter.unit == SIGNAL else parameter.unit
    try:
        convert(value, unit, difference=name in _DIFFERENCES)
    except ValueError as error:
        return [(f"{name}: {error}", "")]
    return []


_DIFFERENCES = frozenset({"rate", "sigma"})


def numbers_of(planned: PlannedFault, fault: Fault, units: Mapping[str, str]) -> dict[str, float | str]:
    """Return what a fault is told as plain numbers (times in s) and names, what is usual filled in."""
    told: dict[str, float | str] = {
        name: parameter.usual for name, parameter in fault.parameters.items() if parameter.usual is not None
    }
    for name, value in planned.parameters.items():
        unit = fault.parameters[name].unit
        if unit == SIGNAL:
            unit = units.get(str(planned.parameters.get(SIGNAL)), "")
        told[name] = str(value) if unit is None else convert(value, unit, difference=name in _DIFFERENCES)
    return told


def parse_fault(text: str) -> PlannedFault:
    """Read DEVICE:FAULT[@AT][/FOR][?NAME=VALUE&...], as --fault takes it; raises ValueError."""
    body, _, query = text.partition("?")
    body, _, lasts = body.partition("/")
    body, _, at = body.partition("@")
    device, colon, fault = body.partition(":")
    if not (colon and device and fault):
        raise ValueError(f"{text!r} is no fault; write for example probe:delay@10s/5s?by=200ms")
    parameters: dict[str, float | str] = {}
    for each in filter(None, query.split("&")):
        name, equals, value = each.partition("=")
        if not equals:
            raise ValueError(f"{text!r}: {each!r} is no NAME=VALUE")
        parameters[name] = value
    return PlannedFault(device, fault, _time(at) if at else 0.0, _time(lasts) if lasts else None, parameters)


def _time(text: str) -> float:
    number, unit = split_quantity(text)
    value = convert(f"{number!r} {unit or 's'}", "s")
    if value < 0:
        raise ValueError(f"{text!r} is before the start")
    return value
