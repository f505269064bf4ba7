"""The plant of process control: one lag, and a dead time before anything is seen."""

from __future__ import annotations

from typing import ClassVar

from .base import Components, Variable
from .ode import OdeModel, known


class FirstOrderDeadTime(OdeModel):
    """output = bias + gain * exp(-dead_time s) / (lag s + 1) * input.

    The dead time is Pade's approximant of order three (Golub, Van Loan, "Matrix Computations", section
    9.3.1), in the form of three chained states; it is right for changes slower than about the dead time.
    """

    STATES: ClassVar = (
        Variable("first", "", "of the dead time"),
        Variable("second", "", "of the dead time"),
        Variable("third", "", "of the dead time"),
        Variable("lagged", "", "what the lag has come to", noise=1e-3),
    )
    INPUTS: ClassVar = (Variable("input", "", "what is set"),)
    OUTPUTS: ClassVar = (Variable("output", "", "what is seen", noise=1e-2),)
    PARAMETERS: ClassVar = (
        Variable("gain", "", "output for each unit of input, at rest", 1.0),
        Variable("lag", "s", "time constant", 10.0, low=1e-3),
        Variable("dead_time", "s", "before anything is seen", 2.0, low=1e-3),
        Variable("bias", "", "output at no input", 0.0),
    )
    LONGEST_STEP = 0.05
    AFFINE = True

    def rates(self, state: Components, inputs: Components, parameters: Components) -> Components:
        """Return how fast the states change.

        With s in units of 1/dead_time the delay is (120 - 60 s + 12 s2 - s3) / (120 + 60 s + 12 s2 + s3),
        here in controllable canonical form.
        """
        first, second, third, lagged = state
        gain, lag, dead_time, _ = parameters
        # The numerator less -1 times the denominator leaves 240 + 24 s2.
        delayed = 240 * first + 24 * third - inputs[0]
        return (
            second / dead_time,
            third / dead_time,
            (inputs[0] - 120 * first - 60 * second - 12 * third) / dead_time,
            (gain * delayed - lagged) / lag,
        )

    def output(
        self, state: Components, inputs: Components, parameters: Components | None = None
    ) -> Components:
        """Return what is seen."""
        values = self.parameters if parameters is None else parameters
        return (values[3] + state[3],)

    def begin(self, outputs: Components, inputs: Components) -> Components:
        """Return a state in which the input has been what it is for long, and the output is as measured."""
        gain, _, _, bias = self.parameters
        return inputs[0] / 120, 0.0, 0.0, known(outputs[0] - bias, gain * inputs[0])
