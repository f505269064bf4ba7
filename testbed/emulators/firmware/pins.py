"""The pins of emulated firmware: memory shared with it, and what the plant has to do with it.

It is `struct window` of firmware_stubs/boards/window.h: little-endian 32-bit words, 16 ADC channels,
16 PWM channels, the latch of the supply supervisor; then the steps and traces of a scenario. A
channel holds a fraction of full scale or full duty, 0 to 65535.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from testbed.emulators.base import Store
from testbed.errors import UsageError

from .node import CHANNELS, InputSpec, Node, OutputSpec, Thermistor

_WORD = struct.Struct("<I")
_PWM = 4 * CHANNELS
_SUPPLY = 8 * CHANNELS
_COUNTS = _SUPPLY + 4  # of steps and of traces
_STEPS = _COUNTS + 8
_STEP = struct.Struct("<IHHI")  # us, kind, channel, value
_MOST_STEPS = 4096
_TRACES = _STEPS + _MOST_STEPS * _STEP.size
_TRACE = struct.Struct("<III")  # us, channel, duty
_MOST_TRACES = 4096
_USED = _TRACES + _MOST_TRACES * _TRACE.size
_FULL = 65535
_SIZE = 16 << 20  # bytes: as much as the board's memory has; none but the first pages are ever touched
_NOMINAL = 298.15  # K, where a thermistor has its nominal resistance
_ZERO_CELSIUS = 273.15


class Window:
    """The shared page."""

    def __init__(self, path: Path, memory: mmap.mmap) -> None:
        self.path = path
        self._memory = memory

    def set_adc(self, channel: int, value: int) -> None:
        """Show a fraction of full scale to an ADC channel."""
        _WORD.pack_into(self._memory, 4 * channel, value)

    def pwm(self, channel: int) -> int:
        """Return the fraction of full duty at which a PWM channel is driven."""
        return int(_WORD.unpack_from(self._memory, _PWM + 4 * channel)[0])

    def set_supply(self, reason: int) -> None:
        """Set what the firmware finds in the latch of the supply supervisor when it starts."""
        _WORD.pack_into(self._memory, _SUPPLY, reason)

    def set_steps(self, steps: Sequence[tuple[int, int, int, int]]) -> None:
        """Give the firmware a scenario: (us, kind, channel, value) of each step in the order of time."""
        if len(steps) > _MOST_STEPS:
            raise UsageError(
                f"a scenario has at most {_MOST_STEPS} steps, not {len(steps)}: a byte is one each"
            )
        for index, step in enumerate(steps):
            _STEP.pack_into(self._memory, _STEPS + index * _STEP.size, *step)
        _WORD.pack_into(self._memory, _COUNTS, len(steps))

    def traces(self) -> list[tuple[int, int, int]]:
        """Return what was driven while a scenario ran: (us, channel, duty) of each change."""
        count = _WORD.unpack_from(self._memory, _COUNTS + 4)[0]
        return [_TRACE.unpack_from(self._memory, _TRACES + index * _TRACE.size) for index in range(count)]

    def power_off(self) -> None:
        """Drive nothing: without power there is no PWM."""
        for channel in range(CHANNELS):
            _WORD.pack_into(self._memory, _PWM + 4 * channel, 0)


@contextlib.contextmanager
def open_window(path: Path) -> Iterator[Window]:
    """Make the page as a file while the block runs."""
    with path.open("w+b") as file:
        file.truncate(_SIZE)
        with mmap.mmap(file.fileno(), _USED) as memory:
            yield Window(path, memory)
    path.unlink(missing_ok=True)


class Pins:
    """Between a device's store, which the plant reads and writes, and the firmware's pins."""

    def __init__(self, node: Node, store: Store, window: Window) -> None:
        self._inputs = {name: spec for name, spec in node.inputs.items() if spec.adc is not None}
        self._outputs = node.outputs
        self._store = store
        self._window = window
        self._stuck: dict[str, float] = {}
        self._driven: dict[str, int] = {}

    @property
    def measured(self) -> list[str]:
        """The signals that come over an ADC channel."""
        return list(self._inputs)

    def update(self) -> None:
        """Show the present values to the ADC, and hand on what the PWM drives, when it changed."""
        for name, spec in self._inputs.items():
            value = self._stuck.get(name)
            self._window.set_adc(
                spec.adc or 0, to_adc(spec, self._store.read(name) if value is None else value)
            )
        for name, output in self._outputs.items():
            duty = self._window.pwm(output.pwm)
            if duty != self._driven.get(name):
                self._driven[name] = duty
                self._store.command(name, from_pwm(output, duty))

    def stick(self, name: str, value: float | None) -> None:
        """Let an input stay at `value`, in its unit, or where it is now when None."""
        self._stuck[name] = self._store.read(name) if value is None else value

    def loosen(self, name: str) -> None:
        """Let a stuck input follow the plant again."""
        self._stuck.pop(name, None)


def to_adc(spec: InputSpec, value: float) -> int:
    """Return what an ADC sees of a value: a fraction of full scale, 0 to 65535; 0 when there is no value."""
    if math.isnan(value):
        return 0
    if spec.thermistor is not None:
        fraction = _divider(spec.thermistor, value)
    else:
        low, high = spec.range or (0.0, 1.0)
        fraction = (value - low) / (high - low)
    return round(min(max(fraction, 0.0), 1.0) * _FULL)


def from_pwm(spec: OutputSpec, duty: int) -> float:
    """Return the value that a fraction of full duty, 0 to 65535, stands for."""
    low, high = spec.range
    return low + (high - low) * duty / _FULL


def _divider(sensor: Thermistor, celsius: float) -> float:
    """Return the divider's ratio with the thermistor at a temperature, by the beta equation."""
    kelvin = max(celsius + _ZERO_CELSIUS, 1.0)
    ohm = sensor.resistance * math.exp(min(sensor.beta * (1 / kelvin - 1 / _NOMINAL), 700.0))
    return ohm / (ohm + sensor.pull_up)
