"""The relay experiment on a loop of a bench: the loop's controller is replaced, its answer is awaited."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import yaml

from testbed.bench import Bench, Loop, OnOffPlan, PidPlan, RelayPlan, ScheduledPlan, load_bench, nearest
from testbed.bench.units import convert
from testbed.control.controllers import Relay
from testbed.control.controllers.oscillation import Response
from testbed.control.tuning import RULES
from testbed.errors import UsageError
from testbed.signals import Sample, Signal, Stage

from .assembly import Assembly

_STEP_SHARE = 0.1  # of what the output may do
_LAG_ENOUGH = -120.0  # degrees; what lags less was switched by noise or hysteresis, not by the device


@dataclass(frozen=True)
class Wishes:
    """How the experiment is wanted; quantities as people write them, None: what is usual."""

    setpoint: str | None = None
    output: tuple[str, str] | None = None
    step: str | None = None
    hysteresis: str | None = None
    within: tuple[str, str] | None = None
    reverse: bool | None = None


class Tuning:
    """The experiment on one loop; `bench` is what is to be run for it, `attach` what to call once assembled.

    Raises UsageError for a loop that is not there or a wish that makes no sense.
    """

    def __init__(self, bench: Bench, name: str, wishes: Wishes, environment: Mapping[str, str]) -> None:
        if name not in bench.loops:
            raise UsageError(f"{bench.name} has no loop {name!r}", nearest(name, bench.loops))
        text = _rewritten(bench, name, _plan(bench.loops[name], wishes), wishes)
        self.bench = load_bench(bench.file, environment, text=text)
        self.loop = self.bench.loops[name]
        self._relay: Relay | None = None
        self._told = False

    def attach(self, parts: Assembly, stop: Callable[[str], None]) -> None:
        """Watch the experiment in a run that was put together, and stop it when it is over."""
        relay = parts.loops[self.loop.name].controller
        assert isinstance(relay, Relay)  # noqa: S101  (its plan is one of a relay)
        self._relay = relay
        parts.hub.subscribe(self.loop.reads.id, Stage.WATCH, partial(self._look, stop))

    def _look(self, stop: Callable[[str], None], sample: Sample) -> None:
        if self._relay is not None and self._relay.over and not self._told:
            self._told = True
            what = self._relay.failure or "the oscillation is steady"
            stop(f"the relay experiment on {self.loop.name} is over: {what}")

    @property
    def moments(self) -> list[tuple[float, float, float]]:
        """Time in s, what was measured and what was commanded, of each cycle."""
        return [] if self._relay is None else list(self._relay.moments)

    @property
    def response(self) -> Response | None:
        """What the device answered, None if it did not."""
        return None if self._relay is None else self._relay.response

    @property
    def failure(self) -> str:
        """Why there is no answer, "" if there is one."""
        if self._relay is None or not self._relay.moments:
            return (
                f"{self.loop.name} never had a good sample of {self.loop.reads.path} and an actuator to move"
            )
        if self._relay.failure:
            return self._relay.failure
        return "" if self._relay.response else "the oscillation was not steady before it ended"

    @property
    def doubt(self) -> str:
        """Why the answer should not be trusted, "" if it may be."""
        if self.response is None or self.response.phase <= _LAG_ENOUGH:
            return ""
        return (
            f"the device lags by only {-self.response.phase:.0f} degrees where it oscillated: something"
            " else switched it (the hysteresis, an actuator at its end); a larger --step may tell more"
        )

    def summary(self) -> dict[str, Any]:
        """Return what came of it as plain JSON values: gains in the units that bench files have them in."""
        found = self.response
        return {
            "loop": self.loop.name,
            "reads": self.loop.reads.path,
            "writes": self.loop.writes.path,
            "setpoint": self.loop.setpoint,
            "failure": self.failure,
            "doubt": self.doubt,
            "response": None if found is None else found._asdict(),
            "rules": {}
            if found is None
            else {name: rule.gains(found.gain, found.period)._asdict() for name, rule in RULES.items()},
        }


def _plan(loop: Loop, wishes: Wishes) -> RelayPlan:
    writes, reads = loop.writes, loop.reads
    low, high = writes.limits or (-math.inf, math.inf)
    if wishes.output is not None:
        given = [_read("--output", each, writes) for each in wishes.output]
        low, high = max(low, given[0]), min(high, given[1])
    if not -math.inf < low < high < math.inf:
        raise UsageError(
            f"nothing says between what {writes.path} may go", "write for example: --output 0 50"
        )
    step = (high - low) * _STEP_SHARE
    if wishes.step is not None:
        step = _read("--step", wishes.step, writes, difference=True)
    band = None
    if wishes.hysteresis is not None:
        band = _read("--hysteresis", wishes.hysteresis, reads, difference=True)
    least, most = -math.inf, math.inf
    if wishes.within is not None:
        least, most = (_read("--within", each, reads) for each in wishes.within)
    if not 0 < step <= high - low:
        raise UsageError(
            f"--step {step:g}: a step is above 0 and no more than the {high - low:g} of the output"
        )
    if band is not None and band < 0:
        raise UsageError(f"--hysteresis {band:g}: it is not below 0")
    if not least < most:
        raise UsageError(f"--within {least:g} {most:g}: the lower limit comes first")
    return RelayPlan(
        low, high, step, band, _reverse(loop) if wishes.reverse is None else wishes.reverse, least, most
    )


def _rewritten(bench: Bench, name: str, plan: RelayPlan, wishes: Wishes) -> str:
    """Return the bench file with the experiment in the loop's place: the recording then tells what was run.

    Outer loops are left out, which would move the setpoint of the one that is tuned, and so is what is
    expected of the bench.
    """
    loop = bench.loops[name]
    setpoint = loop.setpoint
    if wishes.setpoint is not None:
        setpoint = _read("--setpoint", wishes.setpoint, loop.reads)
    given = {each.name: getattr(plan, each.name) for each in fields(plan)}
    usual = {each.name: each.default for each in fields(plan)}
    relay = {key: value for key, value in given.items() if value != usual[key]}
    data = copy.deepcopy(bench.document.data)
    inner = None if loop.moving is None else loop.moving.signal
    data["loops"] = {key: each for key, each in data["loops"].items() if bench.loops[key].writes is not inner}
    data["loops"][name] |= {"controller": {"relay": relay}, "setpoint": setpoint}
    data.pop("expect", None)
    text: str = yaml.safe_dump(data, sort_keys=False)
    return text


def _reverse(loop: Loop) -> bool:
    """Return whether more output gives less of what is measured, as the bench file has it."""
    plan = loop.controller
    if isinstance(plan, ScheduledPlan):
        plan = plan.points[0][1]
    if isinstance(plan, PidPlan):
        return (plan.kp or plan.ki) < 0
    return isinstance(plan, OnOffPlan) and (plan.above == (plan.on > plan.off))


def _read(option: str, text: str, signal: Signal, *, difference: bool = False) -> float:
    try:
        return convert(text, signal.unit, difference=difference)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from None
