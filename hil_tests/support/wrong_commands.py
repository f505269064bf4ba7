"""Wrong commands to the heater of the demo bench, as people and programs give them, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hil_tests.support.by_hand import run_by_hand
from testbed.bench import Bench, GuardPlan, PlannedFault, load_bench
from testbed.clock import VirtualClock
from testbed.session.assembly import Assembly
from testbed.session.file import SessionReader

RIG = Path(__file__).parents[2] / "benches" / "thermal-rig.yaml"
_NS = 1_000_000_000

Wrong = Callable[[float, float], float]
"""Duty in %, from the time in s and the temperature in degC."""


def _toward(goal: float) -> Wrong:
    return lambda at, air: min(100.0, max(0.0, 20 * (goal - air)))


@dataclass(frozen=True)
class Case:
    """What is done wrong, and what the guard should object to first."""

    duty: Wrong
    causes: frozenset[str]
    """Words of which one stands in the reason of each refusal."""
    late_s: float = 0.0
    """Age of the sample that each command is based on."""
    again: bool = False
    """Whether one sample is acted on over and over."""
    requester: str = "a script"
    loops: bool = False
    lasts_s: float = 35.0
    fault: PlannedFault | None = None


_LEADS = frozenset({"would lead to", "there would be"})
_SPOOFED = PlannedFault("probe", "stuck", 15.0, None, {"signal": "temperature", "value": 25.0})

CASES = {
    "sign flipped": Case(lambda at, air: min(100.0, 40 + max(0.0, air - 22)), _LEADS),
    "degF for degC": Case(_toward(140.0), _LEADS),
    "slow creep": Case(lambda at, air: min(100.0, 10 + 1.5 * at), _LEADS),
    "full power": Case(lambda at, air: 100.0, _LEADS),
    "stale": Case(lambda at, air: 100.0, frozenset({"s old"}), late_s=10.0, lasts_s=5.0),
    "replayed": Case(lambda at, air: 100.0, frozenset({"acts again on a sample"}), again=True, lasts_s=5.0),
    "wrong device": Case(
        lambda at, air: 100.0, frozenset({"belongs to"}), requester="loop airflow", loops=True, lasts_s=5.0
    ),
    "sensor spoofed": Case(_toward(60.0), _LEADS, loops=True, fault=_SPOOFED),
}  # fmt: skip


@dataclass
class Outcome:
    """Whether the over-temperature alarm went off, the hottest in degC, and what became of the commands."""

    alarm: bool
    hottest: float
    given: int
    stopped: int
    reasons: set[str]


def attack(case: Case, folder: Path, *, guarded: bool = True) -> Outcome:
    """Give the wrong commands ten times a second; without a guard, only limits and slews hold them."""
    bench = load_bench(RIG, {})
    if not case.loops:
        bench = without_hold(bench)
    bench = replace(
        bench,
        guard=bench.guard if guarded else GuardPlan(),
        faults=() if case.fault is None else (case.fault,),
    )
    path = folder / "a.session"

    async def hands(parts: Assembly, clock: VirtualClock) -> None:
        await _give(case, bench, parts, clock)

    run_by_hand(bench, path, hands)
    return _seen(path)


def without_hold(bench: Bench) -> Bench:
    """Leave the heater to whoever wants it: without its loop, and without a twin that asks things of that."""
    loops = {name: loop for name, loop in bench.loops.items() if name != "hold"}
    twins = {
        name: replace(twin, model=None if twin.model is None else replace(twin.model, learns=None))
        for name, twin in bench.twins.items()
    }
    return replace(bench, loops=loops, twins=twins)


async def _give(case: Case, bench: Bench, parts: Assembly, clock: VirtualClock) -> None:
    heater, air = bench.by_path["chamber.heater_duty"], bench.by_path["chamber.temperature"]
    begun, first = clock.now(), 0
    while clock.now() - begun < case.lasts_s * _NS:
        await clock.sleep(0.1)
        if case.fault is not None:
            continue  # the loop itself gives them
        now, reading = clock.now(), parts.mirror.readings[air.id].last
        first = first or reading.time_ns
        cause = first if case.again else reading.time_ns
        if case.late_s:
            cause = now - round(case.late_s * _NS)
        duty = case.duty((now - begun) / _NS, reading.value)
        parts.commander.command(heater, duty, case.requester, cause_ns=cause)


def _seen(path: Path) -> Outcome:
    with SessionReader(path) as session:
        by_path = {signal.path: signal.id for signal in session.signals}
        air = [each.value for each in session.samples([by_path["chamber.temperature"]])]
        alarm = [each.value for each in session.samples([by_path["chamber.over_temperature"]])]
        heater = [each for each in session.commands() if each.signal == by_path["chamber.heater_duty"]]
        mine = [
            each for each in heater if not each.requester.startswith(("safe state", "configure", "guard"))
        ]
        stopped = [each for each in mine if each.verdict != "allowed"]
        return Outcome(max(alarm) > 0, max(air), len(mine), len(stopped), {each.reason for each in stopped})
