"""What a test may ask of its session: the session itself, its loops, its twins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from testbed.errors import UsageError

from .handles import ReadableSignal
from .scene import Scene

if TYPE_CHECKING:
    from testbed.bench import TwinModel
    from testbed.twin.predict import Future, Plan


class LoopHandle:
    """A loop of the bench, for what is expected of its timing."""

    def __init__(self, name: str) -> None:
        self.name = name


class SessionHandle:
    """The recorded session of a test."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    @property
    def path(self) -> Path:
        """The file; it can be read while it is written, and is complete when the test has ended."""
        return self._scene.path

    @property
    def mode(self) -> str:
        """Where it takes place: real, emulated, virtual, replay."""
        return self._scene.mode

    @property
    def seed(self) -> int:
        """The seed of everything that is left to chance in it."""
        return self._scene.seed

    def now(self) -> int:
        """Return session time: UTC in ns."""
        return self._scene.clock.now()

    def note(self, text: str) -> None:
        """Record an event of the test, to be found again on the time axis."""
        from testbed.signals import Event, Level

        self._scene.report(Event(self.now(), Level.INFO, "test", "note", text))

    def loop(self, name: str) -> LoopHandle:
        """Return a loop of the bench; raises UsageError."""
        loops = self._scene.bench.loops
        if name not in loops:
            from testbed.bench import nearest

            raise UsageError(f"the bench has no loop {name!r}", nearest(name, loops))
        return LoopHandle(name)


class TwinHandle:
    """The twin of a device: what its model predicts, and how far that is from what is measured."""

    def __init__(self, scene: Scene, device: str, model: TwinModel) -> None:
        readings = scene.parts.mirror.readings
        self._live = scene.parts.twins[device]
        self.device = device
        self.model = model
        self.predicted, self.prediction, self.residual = (
            ReadableSignal(signal, readings[signal.id])
            for sensor in model.sensors[:1]
            for signal in (sensor.signal, sensor.prediction, sensor.residual)
        )

    def predict(self, horizon: str | float, inputs: Plan | None = None) -> Future:
        """Return what will be over `horizon` under `inputs`, by path: values, or (from s on, value) pairs.

        What is not named stays as it is. The live twin notices nothing. Raises UsageError.
        """
        from testbed.bench.units import seconds
        from testbed.twin.predict import futures

        return futures(self._live, seconds(horizon), [inputs or {}])[0]


def twin_of(scene: Scene, device: str) -> TwinHandle:
    """Return the twin of a device; raises UsageError when nothing predicts it."""
    twin = scene.bench.twins.get(device)
    if twin is None or twin.model is None:
        known = [name for name, each in scene.bench.twins.items() if each.model is not None]
        have = (
            f"those that have one: {', '.join(known)}" if known else "the bench file declares none (twins:)"
        )
        raise UsageError(f"{device} has no twin with a model", have)
    return TwinHandle(scene, device, twin.model)
