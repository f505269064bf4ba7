"""How long what wears will last, by what twins found of it in this session and in those before."""

from __future__ import annotations

import math
from collections.abc import Iterator

from testbed.bench import Twin, Wear
from testbed.bench.units import convert
from testbed.session.file import SessionReader
from testbed.session.memory import Learned, memory_of
from testbed.twin.models import make_model
from testbed.twin.update import remaining, thinned

from .stands import Lasting

_NS = 1e9


def lasting(session: SessionReader, twin: Twin) -> Iterator[Lasting]:
    """Give every parameter that wears; the time counts from the newest that is known of it."""
    plan = None if twin.model is None else twin.model.learns
    if twin.model is None or plan is None or not plan.wears:
        return
    units = {variable.name: variable.unit for variable in make_model(twin.model).PARAMETERS}
    name = twin.device.name
    before = memory_of(session).of(name)
    states = [state for state in session.twin_states() if state.device == name]
    for wear in plan.wears:
        now = [
            (state.time_ns / _NS, state.values[wear.parameter])
            for state in states
            if wear.parameter in state.values
        ]
        unit = units[wear.parameter]
        yield _of(wear, unit, before, now)


def _of(wear: Wear, unit: str, before: Learned, now: list[tuple[float, float]]) -> Lasting:
    earlier = [(time_ns / _NS, value) for name, time_ns, value in before.history if name == wear.parameter]
    times, values = thinned([time for time, _ in now], [value for _, value in now])
    limit = convert(wear.limit, unit)
    times, values = [*(time for time, _ in earlier), *times], [*(value for _, value in earlier), *values]
    value = values[-1] if values else math.nan
    worn = value >= limit if wear.above else value <= limit
    return Lasting(
        wear.parameter, unit, value, limit, worn, None if worn else remaining(times, values, limit)
    )
