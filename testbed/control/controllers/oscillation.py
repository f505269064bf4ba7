"""What a device answers where it oscillates: its gain and its lag at one frequency."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from typing import NamedTuple


class Moment(NamedTuple):
    """What was measured, and what was commanded upon it, at a time in s since the beginning."""

    at: float
    measured: float
    output: float


class Response(NamedTuple):
    """What the device answered at the frequency at which it oscillated.

    `gain` is the proportional gain that would keep it oscillating (output unit per unit of what is
    measured, negative if it acts in reverse), `period` in s, `phase` how far the device lags, in degrees
    (-180 without hysteresis), `amplitude` half of peak to peak, `centre` the output around which it went.
    """

    gain: float
    period: float
    phase: float
    amplitude: float
    centre: float
    hysteresis: float


def respond(
    span: Sequence[Moment], until: float, cycles: int, reverse: bool, hysteresis: float
) -> Response | None:
    """Return what the device answered over a whole number of cycles that end at `until`, in s.

    None if nothing moved.
    """
    period = (until - span[0].at) / cycles
    given, answered = harmonics(span, until, 2 * math.pi / period)
    if not abs(given) or not abs(answered):
        return None
    point, sign = answered / given, -1.0 if reverse else 1.0
    phase = math.degrees(cmath.phase(sign * point))
    measured = [each.measured for each in span]
    return Response(
        sign / abs(point), period, phase if phase <= 0 else phase - 360.0,
        (max(measured) - min(measured)) / 2, mean_output(span, until), hysteresis,
    )  # fmt: skip


def harmonics(span: Sequence[Moment], until: float, omega: float) -> tuple[complex, complex]:
    """Return the Fourier integrals at `omega`, in rad/s, of what was given (in steps) and measured."""
    mean_given, mean_measured = mean_output(span, until), sum(each.measured for each in span) / len(span)
    given = answered = 0j
    ends = [*span[1:], span[0]._replace(at=until)]  # whole periods: the end is as the beginning
    for here, there in zip(span, ends, strict=True):
        left, right = (cmath.exp(-1j * omega * each.at) for each in (here, there))
        given += (here.output - mean_given) * (left - right) / (1j * omega)
        parts = ((each.measured - mean_measured) * turn for each, turn in ((here, left), (there, right)))
        answered += sum(parts) * (there.at - here.at) / 2
    return given, answered


def mean_output(span: Sequence[Moment], until: float) -> float:
    """Return the mean output over a time that ends at `until`."""
    ends = [*(each.at for each in span[1:]), until]
    area = sum(each.output * (end - each.at) for each, end in zip(span, ends, strict=True))
    return area / (until - span[0].at)


def alike(cycles: Sequence[Sequence[Moment]], share: float) -> bool:
    """Return whether cycles differ by no more than a share, in how long they last and how far they swing."""
    periods = [each[-1].at - each[0].at for each in cycles]
    heights = [max(m.measured for m in each) - min(m.measured for m in each) for each in cycles]
    return all(max(each) - min(each) <= share * max(each) for each in (periods, heights))
