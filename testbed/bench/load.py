"""From a bench file to a bench, or to every error in it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from testbed.signals import Access, Signal

from . import units
from .bench import Bench, Loop, Twin, TwinModel
from .device import Device, make_signals
from .document import Document, Path_, read_document
from .expectation import EXAMPLE, Expectation, parse_expectation, parse_signal
from .problems import BenchFileError, Problem, nearest
from .profile import Profile, Quantity, find_profile, load_profile, profile_hint
from .spec import BenchSpec, DeviceSpec, LoopSpec, TwinLevel, TwinSpec
from .validation import problems_of
from .wires import Wire, parse_wire

_DEFAULT_STALE_PERIODS = 5

Value = TypeVar("Value")


def load_bench(file: Path, environment: Mapping[str, str]) -> Bench:
    """Read, check and resolve a bench file; raises BenchFileError with all that is wrong in it.

    `environment` gives the values of ${NAME} in wires.
    """
    document = read_document(file)
    try:
        spec = BenchSpec.model_validate(document.data)
    except ValidationError as error:
        raise BenchFileError(problems_of(error, document, (), BenchSpec)) from None
    return _Resolver(file, document, spec, environment).resolve()


class _Resolver:
    """Looks up every name and converts every quantity, gathering problems as it goes."""

    def __init__(
        self, file: Path, document: Document, spec: BenchSpec, environment: Mapping[str, str]
    ) -> None:
        self.file = file
        self.document = document
        self.spec = spec
        self.environment = environment
        self.problems: list[Problem] = []
        self.signals: list[Signal] = []
        self.by_path: dict[str, Signal] = {}
        self.profiles: dict[str, Profile | None] = {}
        # A device that failed to load must not make every mention of it an error of its own.
        self.broken: set[str] = set()

    def resolve(self) -> Bench:
        devices = {
            name: device
            for name, spec in self.spec.devices.items()
            if (device := self._device(name, spec)) is not None
        }
        twins = self._twins(devices)
        loops = {
            name: loop
            for name, spec in self.spec.loops.items()
            if (loop := self._loop(name, spec)) is not None
        }
        self._one_writer(loops)
        self._someone_gives(loops, devices)
        expectations = self._expectations()
        if self.spec.plant is not None:
            self._plant_names()
        if self.problems:
            raise BenchFileError(self.problems)
        return Bench(
            self.spec.bench, self.file, devices, tuple(self.signals), twins, loops,
            tuple(expectations), self.spec.plant, self.spec.seed, self.document,
        )  # fmt: skip

    # Devices ----------------------------------------------------------------------------------

    def _device(self, name: str, spec: DeviceSpec) -> Device | None:
        profile = self._profile(name, spec.profile)
        wire = self._wire(name, spec.wire)
        if profile is None or wire is None:
            self.broken.add(name)
            return None
        signals = make_signals(name, profile, len(self.signals))
        self._add(*signals.values())
        configure: dict[str, float] = {}
        for key, quantity in spec.configure.items():
            path: Path_ = ("devices", name, "configure", key)
            signal = self._writable(path, f"{name}.{key}", key=True)
            value = self._convert(path, quantity, signal.unit) if signal else None
            if signal and value is not None:
                self._within_limits(path, signal, value)
                configure[key] = value
        return Device(name, wire, profile, signals, configure)

    def _profile(self, device: str, name: str) -> Profile | None:
        path: Path_ = ("devices", device, "profile")
        if name in self.profiles:
            return self.profiles[name]
        folder = self.file.parent
        found = find_profile(name, folder)
        self.profiles[name] = None
        if found is None:
            self._problem(path, f"no profile is called {name!r}", profile_hint(name, folder))
            return None
        try:
            self.profiles[name] = load_profile(found)
        except BenchFileError as error:
            self.problems += error.problems
        return self.profiles[name]

    def _wire(self, device: str, text: str) -> Wire | None:
        try:
            return parse_wire(text, self.environment)
        except ValueError as error:
            self._problem(("devices", device, "wire"), str(error))
            return None

    def _add(self, *signals: Signal) -> None:
        self.signals += signals
        self.by_path.update({signal.path: signal for signal in signals})

    # Twins ------------------------------------------------------------------------------------

    def _twins(self, devices: dict[str, Device]) -> dict[str, Twin]:
        for name in self.spec.twins:
            if name not in self.spec.devices:
                hint = nearest(name, self.spec.devices)
                self._problem(("twins", name), f"no device is called {name!r}", hint, key=True)
        default = TwinSpec(level=TwinLevel.MIRROR)
        return {
            name: self._twin(device, self.spec.twins.get(name, default)) for name, device in devices.items()
        }

    def _twin(self, device: Device, spec: TwinSpec) -> Twin:
        path: Path_ = ("twins", device.name)
        if spec.model is None:
            return Twin(device, spec.level)
        if spec.predicts is None:
            self._problem(path, f"twins.{device.name}: a model needs predicts: SIGNAL", key=True)
            return Twin(device, spec.level)
        predicted = self._signal((*path, "predicts"), f"{device.name}.{spec.predicts}")
        inputs = {
            key: signal
            for key, value in spec.inputs.items()
            if (signal := self._signal((*path, "inputs", key), value)) is not None
        }
        if predicted is None:
            return Twin(device, spec.level)
        prediction, residual = self._twin_signals(device, predicted)
        model = TwinModel(spec.model, predicted, prediction, residual, inputs, spec.parameters)
        return Twin(device, spec.level, model)

    def _twin_signals(self, device: Device, predicted: Signal) -> tuple[Signal, Signal]:
        name, number = predicted.name, len(self.signals)
        difference = {"degC": "K", "degF": "delta_degF"}.get(predicted.unit, predicted.unit)
        prediction = Signal(
            number, device.name, f"{name}_predicted", predicted.unit, title=f"{predicted.title}, predicted"
        )
        residual = Signal(
            number + 1, device.name, f"{name}_residual", difference, title="Measured less predicted"
        )
        self._add(prediction, residual)
        return prediction, residual

    # Loops ------------------------------------------------------------------------------------

    def _loop(self, name: str, spec: LoopSpec) -> Loop | None:
        path: Path_ = ("loops", name)
        reads = self._signal((*path, "reads"), spec.reads)
        writes = self._writable((*path, "writes"), spec.writes)
        rate = self._positive((*path, "rate"), spec.rate, "Hz")
        stale = None
        if spec.stale_after is not None:
            stale = self._positive((*path, "stale_after"), spec.stale_after, "s")
        if reads is None or writes is None or rate is None:
            return None
        setpoint = self._convert((*path, "setpoint"), spec.setpoint, reads.unit)
        if setpoint is None:
            return None
        period_ns = round(1e9 / rate)
        if reads.period_ns and period_ns < reads.period_ns * 0.999:
            offered = 1e9 / reads.period_ns
            message = f"a rate of {rate:g} Hz is impossible: {reads.path} comes at {offered:g} Hz"
            self._problem((*path, "rate"), message, "lower it, or raise the rate in the profile")
        slowest = max(period_ns, reads.period_ns)
        stale_ns = _DEFAULT_STALE_PERIODS * slowest if stale is None else round(stale * 1e9)
        if stale_ns < reads.period_ns:
            message = f"{reads.path} comes each {reads.period_ns / 1e9:g} s and would always be stale"
            self._problem((*path, "stale_after"), message)
        return Loop(name, reads, writes, spec.controller.pid, setpoint, period_ns, stale_ns)

    def _one_writer(self, loops: dict[str, Loop]) -> None:
        owner: dict[str, str] = {}
        for name, loop in loops.items():
            first = owner.setdefault(loop.writes.path, name)
            if first != name:
                message = f"{loop.writes.path} is already written by the loop {first!r}"
                self._problem(("loops", name, "writes"), message, "an actuator has one owner")

    def _someone_gives(self, loops: dict[str, Loop], devices: dict[str, Device]) -> None:
        given = {loop.writes.path for loop in loops.values()}
        given |= {f"{name}.{key}" for name, device in devices.items() for key in device.configure}
        for name, loop in loops.items():
            if loop.reads.access is Access.WRITE and loop.reads.path not in given:
                message = f"{loop.reads.path} is only ever written, and nobody writes it: no sample will come"
                self._problem(("loops", name, "reads"), message, "read a signal with access read or notify")

    # Expectations and plant -------------------------------------------------------------------

    def _expectations(self) -> list[Expectation]:
        found: list[Expectation] = []
        for index, text in enumerate(self.spec.expect):
            path: Path_ = ("expect", index)
            name = parse_signal(text)
            if name is None:
                self._problem(path, f"{text!r} is no expectation", EXAMPLE)
                continue
            signal = self._signal(path, name)
            if signal is not None:
                expectation = self._try(path, lambda t=text, s=signal: parse_expectation(t, s.unit))  # type: ignore[misc]
                found += [expectation] if expectation is not None else []
        return found

    def _plant_names(self) -> None:
        plant = self.spec.plant
        assert plant is not None  # noqa: S101  (our caller looked)
        for key, value in plant.connect.items():
            path: Path_ = ("plant", "connect", key)
            if "." in key:
                self._writable(path, key, key=True)
                continue
            targets = value if isinstance(value, list) else [value]
            for index, target in enumerate(targets):
                self._signal((*path, index) if isinstance(value, list) else path, target)
        for name, sensor in plant.sensors.items():
            path = ("plant", "sensors", name)
            signal = self._signal(path, name, key=True)
            self._convert((*path, "lag"), sensor.lag, "s")
            if signal is not None:
                self._convert((*path, "noise"), sensor.noise, signal.unit, difference=True)

    # Looking up -------------------------------------------------------------------------------

    def _signal(self, path: Path_, name: str, *, key: bool = False) -> Signal | None:
        if name in self.by_path:
            return self.by_path[name]
        device, _, signal = name.partition(".")
        if device in self.broken:
            return None
        if device not in self.spec.devices:
            self._problem(
                path, f"no device is called {device!r}", nearest(device, self.spec.devices), key=key
            )
            return None
        own = [each.name for each in self.signals if each.device == device]
        self._problem(path, f"{device} has no signal {signal!r}", nearest(signal, own), key=key)
        return None

    def _writable(self, path: Path_, name: str, *, key: bool = False) -> Signal | None:
        signal = self._signal(path, name, key=key)
        if signal is None or signal.writable:
            return signal
        own = [each.name for each in self.signals if each.device == signal.device and each.writable]
        self._problem(path, f"{name} cannot be written", nearest(signal.name, own), key=key)
        return None

    def _convert(
        self, path: Path_, quantity: Quantity | bool, unit: str, *, difference: bool = False
    ) -> float | None:
        value = float(quantity) if isinstance(quantity, bool) else quantity
        return self._try(path, lambda: units.convert(value, unit, difference=difference))

    def _positive(self, path: Path_, quantity: Quantity, unit: str) -> float | None:
        value = self._convert(path, quantity, unit)
        if value is not None and not value > 0:
            self._problem(path, f"must be above 0 {unit}, not {quantity}")
            return None
        return value

    def _within_limits(self, path: Path_, signal: Signal, value: float) -> None:
        if signal.limits and not signal.limits[0] <= value <= signal.limits[1]:
            low, high = signal.limits
            self._problem(path, f"{value:g} is outside {low:g} to {high:g} {signal.unit}".rstrip())

    def _try(self, path: Path_, action: Callable[[], Value]) -> Value | None:
        try:
            return action()
        except ValueError as error:
            self._problem(path, str(error))
            return None

    def _problem(self, path: Path_, message: str, hint: str = "", *, key: bool = False) -> None:
        self.problems.append(self.document.problem(path, message, hint, key=key))
