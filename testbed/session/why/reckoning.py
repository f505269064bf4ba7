"""What was reckoned: a loop's cycle with the controller's terms, and the view of a twin's model."""

from __future__ import annotations

import math
from typing import Any

from testbed.bench import Bench, Loop, PidPlan, TwinModel, TwinSensor, plan_words
from testbed.session.file import ACTED_SAFE, OVERRUN, Cycle, SessionReader
from testbed.signals import Signal

from .records import sample_at
from .steps import Step
from .words import duration_text, value_text

_TERMS = ("setpoint", "measured", "p", "i", "d", "output")


def cycle_step(loop: Loop, cycle: Cycle | None) -> Step:
    """Return what the loop reckoned and how long it took; files of older versions hold the timing only."""
    head = f"loop {loop.name}"
    if cycle is None:
        return Step("loop", f"{head}: no cycle is recorded", facts={"loop": loop.name})
    terms = {name: float(getattr(cycle, name, math.nan)) for name in _TERMS}
    facts: dict[str, Any] = {
        "loop": loop.name,
        **{name: None if math.isnan(value) else value for name, value in terms.items()},
        "bias": _bias(loop),
        "late_s": cycle.lateness_ns / 1e9,
        "age_s": cycle.age_ns / 1e9,
        "overrun": bool(cycle.flags & OVERRUN),
        "acted_safe": bool(cycle.flags & ACTED_SAFE),
    }
    late = f"{duration_text(cycle.lateness_ns)} late" if cycle.lateness_ns else "on time"
    timing = f"began {late}, with a sample {duration_text(cycle.age_ns)} old"
    return Step("loop", f"{head}: {_reckoned(loop, terms)}", timing, facts)


def _reckoned(loop: Loop, terms: dict[str, float]) -> str:
    if math.isnan(terms["output"]):
        return (
            f"setpoint {value_text(loop.setpoint, loop.reads)} by the bench file; its terms are not recorded"
        )
    setpoint, measured = (value_text(terms[name], loop.reads) for name in ("setpoint", "measured"))
    text = f"setpoint {setpoint}, measured {measured}"
    if math.isnan(terms["p"]):
        return f"{text}: {plan_words(loop.controller)} makes {value_text(terms['output'], loop.writes)}"
    parts = [f"{name.upper()} {terms[name]:+.6g}" for name in ("p", "i", "d") if terms[name] or name == "p"]
    parts += [f"bias {_bias(loop):+.6g}"] if _bias(loop) else []
    whole = _bias(loop) + terms["p"] + terms["i"] + terms["d"]
    text = f"{text}: {', '.join(parts)}"
    if math.isclose(whole, terms["output"], rel_tol=1e-9, abs_tol=1e-9):
        return f"{text} make {value_text(terms['output'], loop.writes)}"
    asked, given = (value_text(value, loop.writes) for value in (whole, terms["output"]))
    return f"{text} make {asked}, held to {given} by limits and slew"


def _bias(loop: Loop) -> float:
    return loop.controller.bias if isinstance(loop.controller, PidPlan) else 0.0


def twin_step(
    session: SessionReader, bench: Bench | None, signal: Signal, time_ns: int, actuator: Signal | None = None
) -> Step | None:
    """Return the view of the twin whose model predicts a signal, or takes an actuator as input."""
    found = _model(bench, signal, actuator)
    if found is None:
        return None
    model, sensor = found
    kept = {each.path: each for each in session.signals}
    told = (sensor.prediction, sensor.signal, sensor.residual)
    samples = [sample_at(session, kept[each.path], time_ns) if each.path in kept else None for each in told]
    predicted, measured, residual = samples
    if predicted is None or measured is None or residual is None:
        return Step("twin", f"no twin had predicted {sensor.signal.path} yet")
    reason = f": {predicted.reason}" if predicted.reason else ""
    values = [
        value_text(sample.value, each)
        for sample, each in zip((predicted, measured, residual), told, strict=True)
    ]
    text = (
        f"the twin ({model.kind}) predicted {sensor.signal.path} {values[0]},"
        f" measured was {values[1]}, residual {values[2]} ({predicted.quality.word}{reason})"
    )
    inputs = {
        name: _input(session, kept.get(each.path), predicted.time_ns) for name, each in model.inputs.items()
    }
    facts = {
        "model": model.kind,
        "predicts": sensor.signal.path,
        "predicted": predicted.value,
        "measured": measured.value,
        "residual": residual.value,
        "quality": predicted.quality.word,
        "reason": predicted.reason,
        "age_s": (time_ns - predicted.time_ns) / 1e9,
        "inputs": inputs,
    }
    given = ", ".join(f"{name} {'-' if value is None else f'{value:.6g}'}" for name, value in inputs.items())
    earlier = time_ns - predicted.time_ns
    when = f"{duration_text(earlier)} earlier" if earlier else "at that time"
    return Step("twin", text, f"{when}, from {given}", facts)


def _input(session: SessionReader, signal: Signal | None, time_ns: int) -> float | None:
    sample = sample_at(session, signal, time_ns) if signal else None
    return None if sample is None else sample.value


def _model(
    bench: Bench | None, signal: Signal, actuator: Signal | None
) -> tuple[TwinModel, TwinSensor] | None:
    models = [twin.model for twin in bench.twins.values() if twin.model] if bench else []
    for model in models:
        sensor = model.sensor(signal.path)
        if sensor is not None:
            return model, sensor
    if actuator is not None:
        for model in models:
            if actuator.path in [each.path for each in model.inputs.values()]:
                return model, model.sensors[0]
    return None
