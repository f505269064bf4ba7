"""From a bench file to a bench, or to every error in it at once."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from testbed.signals import Access, Signal

from .bench import Bench, FaultyBench, Loop
from .boards import Firmware, PlannedFault
from .control_by_model import Around
from .control_resolve import resolve_controller
from .device import Device, make_signals
from .document import Document, Path_, parse_document, read_document
from .expectation import EXAMPLE, Expectation, parse_expectation, parse_signal
from .guard import resolve_guard
from .influxdb import Influxdb, check_url, resolve
from .lookup import Lookup
from .mqtt_store import MqttStore
from .mqtt_store import resolve as resolve_mqtt
from .problems import BenchFileError, Problem, nearest
from .profile import Profile, Quantity, find_profile, load_profile, profile_hint
from .radio import LorawanSpec
from .setpoint_spec import MovingSpec
from .setpoints import NAME as SETPOINT
from .setpoints import Moving, resolve_moving
from .spec import BenchSpec, DeviceSpec, LoopSpec, PlantSpec
from .twin_resolve import resolve_twins
from .twins import Twin
from .validation import problems_of
from .wires import Wire, parse_wire

_DEFAULT_STALE_PERIODS = 5
_CALIBRATION_LIMIT = 16 << 20  # bytes
_WHOLE = ("plant", "expect", "guard", "influxdb", "mqtt", "lorawan")
"""Sections that one wrong key spoils; of the others only the entry that it stands in."""


def load_bench(
    file: Path,
    environment: Mapping[str, str],
    profiles: Mapping[str, Path] | None = None,
    text: str | None = None,
) -> Bench:
    """Read, check and resolve a bench file; raises BenchFileError with all that is wrong in it.

    `environment` gives the values of ${NAME} in wires. `profiles` gives the profile's file of a device,
    by its name, in place of the one that the bench file names: a recording keeps its own. `text` is taken
    for what stands in the file. The error is a FaultyBench if there is a bench at all.
    """
    document = read_document(file) if text is None else parse_document(str(file), text)
    spec, problems, left_out = _read_spec(document)
    resolver = _Resolver(file, document, spec, environment, profiles or {})
    resolver.look.broken |= left_out
    bench = replace(resolver.resolve(), text=text)
    problems += resolver.look.problems
    if problems:
        raise FaultyBench(problems, bench)
    return bench


def _read_spec(document: Document) -> tuple[BenchSpec, list[Problem], set[str]]:
    """Return the spec without the entries that have the wrong shape, what is wrong, and their names.

    One wrong key must not hide the wrong names in the rest of the file.
    """
    try:
        return BenchSpec.model_validate(document.data), [], set()
    except ValidationError as error:
        problems = problems_of(error, document, (), BenchSpec)
        data = copy.deepcopy(document.data)
        left_out: set[str] = set()
        for section, *rest in (detail["loc"] for detail in error.errors(include_url=False)):
            whole = not rest or section in _WHOLE or not isinstance(data.get(section), dict)
            if whole:
                data.pop(section, None)
            else:
                data[section].pop(rest[0], None)
                left_out.add(str(rest[0]))
    try:
        return BenchSpec.model_validate(data), problems, left_out
    except ValidationError:  # what is left is no bench: there is nothing more to be said
        raise BenchFileError(problems) from None


class _Resolver:
    """Turns the parts of a spec into the parts of a bench."""

    def __init__(
        self,
        file: Path,
        document: Document,
        spec: BenchSpec,
        environment: Mapping[str, str],
        given: Mapping[str, Path],
    ) -> None:
        self.file = file
        self.spec = spec
        self.environment = environment
        self.look = Lookup(document, spec.devices)
        self.given = given
        self.profiles: dict[Path, Profile | None] = {}
        self.moving: dict[str, Moving] = {}
        self.twins: dict[str, Twin] = {}

    def resolve(self) -> Bench:
        devices = {
            name: device
            for name, spec in self.spec.devices.items()
            if (device := self._device(name, spec)) is not None
        }
        self.twins = twins = resolve_twins(self.spec.twins, devices, self.spec.loops, self.look)
        self.moving = resolve_moving(self.spec.loops, self.look)
        loops = {
            name: loop
            for name, spec in self.spec.loops.items()
            if (loop := self._loop(name, spec)) is not None
        }
        self._one_writer(loops)
        self._someone_gives(loops, devices)
        self._relays()
        expectations = self._expectations()
        if self.spec.plant is not None:
            self._plant_names(self.spec.plant)
        return Bench(
            self.spec.bench, self.file, devices, tuple(self.look.signals), twins, loops,
            tuple(expectations), self.spec.plant, self.spec.seed, self.look.document, tuple(self._faults()),
            self._influxdb(), guard=resolve_guard(self.spec.guard, self.look),
            mqtt=self._mqtt(), lorawan=self._lorawan(devices),
        )  # fmt: skip

    # Devices ----------------------------------------------------------------------------------

    def _device(self, name: str, spec: DeviceSpec) -> Device | None:
        profile = self._profile(name, spec.profile)
        wire = self._wire(name, spec.wire)
        if profile is None or wire is None:
            self.look.broken.add(name)
            return None
        signals = make_signals(name, profile, len(self.look.signals))
        self.look.add(*signals.values())
        configure: dict[str, float] = {}
        for key, quantity in spec.configure.items():
            path: Path_ = ("devices", name, "configure", key)
            signal = self.look.writable(path, f"{name}.{key}", key=True)
            value = self.look.convert(path, quantity, signal.unit) if signal else None
            if signal and value is not None:
                self.look.within_limits(path, signal, value)
                configure[key] = value
        firmware = None
        if spec.emulate is not None:
            firmware = Firmware(spec.emulate.firmware, self.file.parent / spec.emulate.image)
        calibration = self._calibration(name, spec.calibration)
        return Device(name, wire, profile, signals, configure, calibration, firmware, spec.board)

    def _calibration(self, device: str, names: list[str]) -> tuple[Path, ...]:
        if device in self.given:
            return ()  # a recorded bench: the recording has the data, and nothing that runs reads them
        found: list[Path] = []
        for index, name in enumerate(names):
            path: Path_ = ("devices", device, "calibration", index)
            file = self.file.parent / name
            if not file.is_file():
                self.look.problem(
                    path, f"there is no file {name!r}", "it is looked for beside the bench file"
                )
            elif file.stat().st_size > _CALIBRATION_LIMIT:
                limit = f"{_CALIBRATION_LIMIT >> 20} MiB"
                self.look.problem(path, f"{name!r} is larger than {limit}, and every recording would keep it")
            else:
                found.append(file)
        return tuple(found)

    def _profile(self, device: str, name: str) -> Profile | None:
        path: Path_ = ("devices", device, "profile")
        folder = self.file.parent
        found = self.given.get(device) or find_profile(name, folder)
        if found is None:
            self.look.problem(path, f"no profile is called {name!r}", profile_hint(name, folder))
            return None
        if found not in self.profiles:
            self.profiles[found] = None
            try:
                self.profiles[found] = load_profile(found)
            except BenchFileError as error:
                self.look.problems += error.problems
        return self.profiles[found]

    def _wire(self, device: str, text: str) -> Wire | None:
        try:
            return parse_wire(text, self.environment)
        except ValueError as error:
            self.look.problem(("devices", device, "wire"), str(error))
            return None

    # Loops ------------------------------------------------------------------------------------

    def _loop(self, name: str, spec: LoopSpec) -> Loop | None:
        path: Path_ = ("loops", name)
        reads = self.look.signal((*path, "reads"), spec.reads)
        writes = self._written((*path, "writes"), spec.writes)
        rate = self.look.positive((*path, "rate"), spec.rate, "Hz")
        stale = None
        if spec.stale_after is not None:
            stale = self.look.positive((*path, "stale_after"), spec.stale_after, "s")
        if reads is None or rate is None:
            return None
        setpoint = self._setpoint((*path, "setpoint"), name, spec.setpoint, reads)
        period_ns = round(1e9 / rate)
        self._check_rate(path, reads, rate, period_ns)
        stale_ns = _DEFAULT_STALE_PERIODS * max(period_ns, reads.period_ns)
        if stale is not None:
            stale_ns = round(stale * 1e9)
        if stale_ns < reads.period_ns:
            message = f"{reads.path} comes each {reads.period_ns / 1e9:g} s and would always be stale"
            self.look.problem((*path, "stale_after"), message)
        if writes is None or setpoint is None:
            return None
        around = Around(reads, writes, period_ns / 1e9, self.twins)
        controller = resolve_controller((*path, "controller"), spec.controller, around, self.look)
        if controller is None:
            return None
        return Loop(name, reads, writes, controller, setpoint, period_ns, stale_ns, self.moving.get(name))

    def _setpoint(self, path: Path_, name: str, spec: Quantity | MovingSpec, reads: Signal) -> float | None:
        if not isinstance(spec, MovingSpec):
            return self.look.convert(path, spec, reads.unit)
        return self.moving[name].value if name in self.moving else None

    def _written(self, path: Path_, name: str) -> Signal | None:
        """Return what a loop writes: a device's signal, or the setpoint of another loop."""
        inner, _, signal = name.partition(".")
        if signal == SETPOINT and inner in self.spec.loops and name not in self.look.by_path:
            if isinstance(self.spec.loops[inner].setpoint, MovingSpec):
                return None  # what is wrong with it is told where it stands
            text = f"the setpoint of the loop {inner!r} takes no commands"
            hint = "write there: setpoint: {value: 60 degC, limits: [20 degC, 80 degC]}"
            self.look.problem(path, text, hint)
            return None
        return self.look.writable(path, name)

    def _check_rate(self, path: Path_, reads: Signal, rate: float, period_ns: int) -> None:
        if reads.period_ns and period_ns < reads.period_ns * 0.999:
            offered = 1e9 / reads.period_ns
            message = f"a rate of {rate:g} Hz is impossible: {reads.path} comes at {offered:g} Hz"
            self.look.problem((*path, "rate"), message, "lower it, or raise the rate in the profile")

    def _one_writer(self, loops: dict[str, Loop]) -> None:
        owner: dict[str, str] = {}
        for name, loop in loops.items():
            first = owner.setdefault(loop.writes.path, name)
            if first != name:
                message = f"{loop.writes.path} is already written by the loop {first!r}"
                self.look.problem(("loops", name, "writes"), message, "an actuator has one owner")

    def _someone_gives(self, loops: dict[str, Loop], devices: dict[str, Device]) -> None:
        given = {loop.writes.path for loop in loops.values()}
        given |= {f"{name}.{key}" for name, device in devices.items() for key in device.configure}
        for name, loop in loops.items():
            if loop.reads.access is Access.WRITE and loop.reads.path not in given:
                message = f"{loop.reads.path} is only ever written, and nobody writes it: no sample will come"
                self.look.problem(
                    ("loops", name, "reads"), message, "read a signal with access read or notify"
                )

    # Expectations and plant -------------------------------------------------------------------

    def _expectations(self) -> list[Expectation]:
        found: list[Expectation] = []
        for index, text in enumerate(self.spec.expect):
            path: Path_ = ("expect", index)
            name = parse_signal(text)
            if name is None:
                self.look.problem(path, f"{text!r} is no expectation", EXAMPLE)
                continue
            signal = self.look.signal(path, name)
            if signal is not None:
                expectation = self.look.attempt(path, partial(parse_expectation, text, signal.unit))
                found += [expectation] if expectation is not None else []
        return found

    def _relays(self) -> None:
        for name, spec in self.spec.devices.items():
            if spec.board is not None and spec.board.reset and "." in spec.board.reset:
                self.look.writable(("devices", name, "board", "reset"), spec.board.reset)

    def _faults(self) -> list[PlannedFault]:
        found: list[PlannedFault] = []
        for index, spec in enumerate(self.spec.faults):
            path: Path_ = ("faults", index)
            at = self.look.convert((*path, "at"), spec.at, "s")
            lasts = None
            if spec.for_ is not None:
                lasts = self.look.positive((*path, "for"), spec.for_, "s")
            if spec.device not in self.spec.devices:
                hint = nearest(spec.device, self.spec.devices)
                self.look.problem((*path, "device"), f"no device is called {spec.device!r}", hint)
            elif at is not None:
                found.append(PlannedFault(spec.device, spec.fault, at, lasts, spec.parameters))
        return found

    def _influxdb(self) -> Influxdb | None:
        spec = self.spec.influxdb
        if spec is None:
            return None
        self.look.attempt(("influxdb", "url"), partial(check_url, spec.url))
        return self.look.attempt(("influxdb", "timeout"), partial(resolve, spec))

    def _mqtt(self) -> MqttStore | None:
        spec = self.spec.mqtt
        return None if spec is None else self.look.attempt(("mqtt",), partial(resolve_mqtt, spec))

    def _lorawan(self, devices: dict[str, Device]) -> LorawanSpec:
        spec = self.spec.lorawan
        known = [name for name, device in devices.items() if device.profile.protocol == "lorawan"]
        for name in spec.devices:
            if name not in known and name not in self.look.broken:
                message = f"no LoRaWAN device is called {name!r}"
                self.look.problem(("lorawan", "devices", name), message, nearest(name, known), key=True)
        return spec

    def _plant_names(self, plant: PlantSpec) -> None:
        for key, value in plant.connect.items():
            path: Path_ = ("plant", "connect", key)
            if "." in key:
                self.look.writable(path, key, key=True)
                continue
            targets = value if isinstance(value, list) else [value]
            for index, target in enumerate(targets):
                self.look.signal((*path, index) if isinstance(value, list) else path, target)
        for name, sensor in plant.sensors.items():
            path = ("plant", "sensors", name)
            signal = self.look.signal(path, name, key=True)
            self.look.convert((*path, "lag"), sensor.lag, "s")
            if signal is not None:
                self.look.convert((*path, "noise"), sensor.noise, signal.unit, difference=True)
