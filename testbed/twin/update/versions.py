"""The versions of a model: what was changed, on which data, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

_NS = 1e9


@dataclass(frozen=True)
class Version:
    """One change of what is believed of a device; times in ns, values in the unit that is given."""

    number: int
    name: str
    of_sensor: bool
    unit: str
    before: float
    value: float
    sigma: float
    since_ns: int
    until_ns: int
    gain: float
    """By how much better than its predecessor it foretold data that it had not learned from, nats."""
    reason: str = ""
    """What told that something had changed."""
    taken_back: bool = False
    """Whether the one before came back, because it foretold better after all."""

    def __str__(self) -> str:
        """Return the change in words."""
        sure = f"+/- {2 * self.sigma:.2g} {self.unit}".rstrip()
        unit = f" {self.unit}" if self.unit else ""
        if self.of_sensor:
            way = "high" if self.value > 0 else "low"
            return f"{self.name} reads {abs(self.value):.3g} {self.unit} too {way} ({sure})"
        share = f" ({self.value / self.before - 1:+.0%})" if self.before else ""
        return f"{self.name} is {self.value:.4g}{unit} {sure}, was {self.before:.4g}{share}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)

    @property
    def span_s(self) -> float:
        """Return how long the data are that it was learned from, s."""
        return (self.until_ns - self.since_ns) / _NS
