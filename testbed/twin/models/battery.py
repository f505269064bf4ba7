"""A battery cell as an equivalent circuit: a voltage source, a resistance, and one RC pair."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .base import Components, Variable
from .ode import OdeModel, known

_KNEE = 0.05  # share of charge within which the voltage falls off towards empty


class Battery(OdeModel):
    """State of charge, and the voltage of the RC pair (a Thevenin model).

    Plett, "Battery Management Systems, Volume I", section 2.4. The open-circuit voltage rises evenly with
    charge and has a knee near empty.
    """

    STATES: ClassVar = (
        Variable("charge", "", "share of the capacity that is left", low=0.0, high=1.0, noise=1e-5),
        Variable("polarisation", "V", "of the RC pair", noise=1e-4),
    )
    INPUTS: ClassVar = (Variable("current", "A", "out of the cell"),)
    OUTPUTS: ClassVar = (
        Variable("voltage", "V", "at the terminals", noise=2e-3),
        Variable("charge", "", "share of the capacity that is left"),
    )
    PARAMETERS: ClassVar = (
        Variable("capacity", "A*h", "when full", 2.5, low=1e-6),
        Variable("resistance", "ohm", "in series", 0.03, low=0.0),
        Variable("pair_resistance", "ohm", "of the RC pair", 0.02, low=1e-9),
        Variable("pair_capacity", "F", "of the RC pair", 1500.0, low=1e-9),
        Variable("full", "V", "open circuit, full", 4.15, low=0.0),
        Variable("empty", "V", "open circuit, above the knee, extended to empty", 3.4, low=0.0),
        Variable("knee", "V", "by how much more it falls at empty", 0.6, low=0.0),
    )
    LONGEST_STEP = 5.0
    AFFINE = True

    def rates(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return 1/s and V/s."""
        capacity, _, resistance, farads = parameters[:4]
        current = inputs[0]
        return -current / (3600 * capacity), current / farads - state[1] / (resistance * farads)

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return the voltage at the terminals, and the charge."""
        values = self.parameters if parameters is None else parameters
        _, resistance, _, _, full, empty, knee = values
        charge, polarisation = state
        open_circuit = empty + (full - empty) * charge - knee * np.exp(-charge / _KNEE)
        return open_circuit - polarisation - resistance * inputs[0], charge

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return the measured charge, else that which fits the voltage of a cell at rest."""
        return known(outputs[1], self._charge_at(outputs[0])), 0.0

    def _charge_at(self, volts: float) -> float:
        if np.isnan(volts):
            return 1.0
        charges = np.linspace(0.0, 1.0, 1001)
        rest, _ = self.output((charges, 0.0), (0.0,))
        return float(np.interp(volts, rest, charges))
