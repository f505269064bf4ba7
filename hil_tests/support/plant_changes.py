"""What happens to the demo bench while it runs, and what its twins make of it: run in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from testbed.bench import PlannedFault, load_bench
from testbed.session.file import SessionReader
from testbed.session.virtual import run_virtually
from testbed.signals import Event

RIG = Path(__file__).parents[2] / "benches" / "thermal-rig.yaml"
AT = 60.0  # s: the bench has settled
FOLLOWED = ("chamber.temperature", "probe.temperature", "fan.speed")
_WIDTH = 1.96  # standard deviations that hold 95 of 100
_NS = 1e9


@dataclass(frozen=True)
class Change:
    """Something that changes at AT, and what a twin should find."""

    fault: PlannedFault | None
    lasts: float
    cause: str = ""
    """Name of the parameter or sensor."""
    value: float = 0.0
    """What it has come to at the end; of a sensor by how much it reads too high."""


def fault(device: str, name: str, **told: str | float) -> PlannedFault:
    return PlannedFault(device, name, AT, None, dict(told))


CHANGES = {
    "heater loses 20 %": Change(fault("chamber", "heater_weak"), 40.0, "heater_power", 400.0),
    "bearing friction doubles": Change(fault("fan", "bearing_worn"), 25.0, "friction", 2.0),
    "sensor drifts 0.1 K/min": Change(
        fault("chamber", "drifting", signal="temperature", rate=0.1), 100.0,
        "chamber.temperature", 0.1 * 100 / 60,
    ),
    "room 10 K warmer": Change(fault("chamber", "ambient_step"), 40.0, "ambient", 32.0),
}  # fmt: skip


@dataclass
class Outcome:
    """What the twins made of a run; delays in s after the change, NaN for what did not happen."""

    seen: float = float("nan")
    named: float = float("nan")
    used: float = float("nan")
    causes: list[str] = field(default_factory=list)
    found: float = float("nan")
    alarms: int = 0
    """Told before anything had changed, or in all if nothing does."""
    refused: int = 0
    """Commands of loops that the guard did not let pass as they were."""
    skill: dict[str, float] = field(default_factory=dict)
    """Of the forecasts, against persistence, by twin."""
    coverage: dict[str, float] = field(default_factory=dict)
    """Share of the samples, by signal, within the 95 % interval of what was expected, once it had settled."""


def happen(change: Change, folder: Path, *, settled: float = AT) -> Outcome:
    """Run the demo bench through a change; intervals are counted from `settled` s on, until it happens."""
    bench = load_bench(RIG, {})
    bench = replace(bench, faults=() if change.fault is None else (change.fault,))
    path, until = folder / "a.session", AT + change.lasts
    run_virtually(bench, path, until, seed=0, tell=lambda event: None)
    with SessionReader(path) as session:
        outcome = Outcome()
        start = session.span()[0]
        for event in session.events():
            _note(outcome, change, event, (event.time_ns - start) / _NS)
        if change.cause:
            states = [each for each in session.twin_states() if change.cause in each.values]
            outcome.found = states[-1].values[change.cause] if states else float("nan")
        outcome.refused = sum(
            each.verdict != "allowed" for each in session.commands() if each.requester.startswith("loop ")
        )
        for state in session.twin_states():
            outcome.skill[state.device] = state.values.get("forecast_skill", float("nan"))
        if change.fault is None:
            outcome.coverage = {path: _covered(session, path, start, settled) for path in FOLLOWED}
    return outcome


def _note(outcome: Outcome, change: Change, event: Event, at: float) -> None:
    happened = change.fault is not None and at > AT
    if event.kind == "misfit":
        if happened:
            outcome.seen = min(at - AT, outcome.seen) if outcome.seen == outcome.seen else at - AT
        else:
            outcome.alarms += 1
    elif event.kind == "cause":
        outcome.causes.append(event.text.split(": ")[1].split(" is ")[0].split(" reads ")[0])
        outcome.named = outcome.named if outcome.named == outcome.named else at - AT
    elif event.kind == "version":
        outcome.used = outcome.used if outcome.used == outcome.used else at - AT


def _covered(session: SessionReader, path: str, start_ns: int, settled: float) -> float:
    by_path = {signal.path: signal.id for signal in session.signals}
    sigmas = {each.time_ns: each.value for each in session.samples([by_path[f"{path}_sigma"]])}
    within = [
        abs(each.value) <= _WIDTH * sigmas[each.time_ns]
        for each in session.samples([by_path[f"{path}_residual"]])
        if each.time_ns - start_ns > settled * _NS
    ]
    return float(np.mean(within))
