"""The plant behind the emulated devices, as a test sees it."""

from __future__ import annotations

from testbed.errors import UsageError
from testbed.plants import Plant


class PlantHandle:
    """The truth that the emulated sensors measure: plant["air_temperature"], plant.set("door_open", 1)."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    def __getitem__(self, output: str) -> float:
        if output not in self._plant.OUTPUTS:
            raise _unknown("output", output, self._plant.OUTPUTS)
        return self._plant.output(output)

    def set(self, name: str, value: float) -> None:
        """Set an input; one that a device drives is set again by that. Raises UsageError."""
        if name not in self._plant.INPUTS:
            raise _unknown("input", name, self._plant.INPUTS)
        self._plant.set(name, float(value))


def _unknown(what: str, name: str, known: tuple[str, ...]) -> UsageError:
    from testbed.bench import nearest

    return UsageError(f"the plant has no {what} {name!r}", nearest(name, known))
