"""The pages of a bench: overview, one for each type of device, loops, twins."""

from __future__ import annotations

from testbed.bench import Bench, Device, Loop, TwinModel, TwinSensor, plan_words
from testbed.session.forward import names
from testbed.twin.models import make_model

from . import queries
from .dashboard import Dashboard, Variable
from .model import RED, YELLOW, Json, Override, Panel, Query
from .overview import overview
from .parts import gap, heading, measurement, page, signal_panel, state_panel
from .units import grafana_unit

_DASHED: Json = {"fill": "dash", "dash": [6, 4]}


def dashboards(bench: Bench) -> list[Dashboard]:
    """Return all dashboards of a bench; loops and twins only where it has some."""
    types: dict[str, Device] = {}
    for device in bench.devices.values():
        types.setdefault(device.profile.name, device)
    models = {twin.device.name: twin.model for twin in bench.twins.values() if twin.model is not None}
    found = [overview(bench), *(_device_page(bench, device) for device in types.values())]
    if bench.loops:
        found.append(
            page(bench, "loops", "loops", [p for each in bench.loops.values() for p in _loop(bench, each)])
        )
    if models:
        panels = [p for device, model in models.items() for p in _twin(bench, device, model)]
        found.append(page(bench, "twins", "twins", panels))
    return found


# A type of device -----------------------------------------------------------------------------------


def _device_page(bench: Bench, device: Device) -> Dashboard:
    profile = device.profile
    chosen, good = '"device" =~ /^$device$/', "\"quality\" = 'good'"
    panels = [
        state_panel(bench.name, '"source" =~ /^$device$/', title="Online", width=12, height=6),
        _qualities(bench.name, device, chosen),
    ]
    for signal in device.signals.values():
        query = queries.band(signal.name, profile.name, bench.name, chosen, good)
        panels.append(signal_panel(signal, query, title=f"$device.{signal.name}", repeat="device"))
    panels.append(_commands(bench.name, chosen))
    devices = Variable("device", "Device", queries.tag_values("device", profile.name, bench.name))
    return page(bench, profile.name, profile.title or profile.name, panels, devices)


def _qualities(bench: str, device: Device, chosen: str) -> Panel:
    """Return how many samples of each quality came: of the signal that tells of every poll."""
    field = min(device.signals.values(), key=lambda each: (each.writable, each.period_ns or 1 << 62)).name
    then = f'{queries.EVERY}, "quality" fill(none)'
    statement = queries.select(f"count({queries.name(field)})", device.profile.name, bench, chosen, then=then)
    colors = {"good": "green", "uncertain": YELLOW, "bad": RED}
    return Panel(
        "timeseries", f"Samples of {field} by quality", [Query(statement, alias="$tag_quality")],
        height=6, unit="short",
        custom={"drawStyle": "bars", "fillOpacity": 60, "stacking": {"mode": "normal"}},
        overrides=[
            Override(word, {"color": {"mode": "fixed", "fixedColor": color}}, "byName")
            for word, color in colors.items()
        ],
    )  # fmt: skip


def _commands(bench: str, chosen: str) -> Panel:
    what = '"device", "signal", "value", "requester", "verdict", "outcome", "reason", "done_after_ns"'
    statement = queries.select(what, names.COMMAND, bench, chosen, then="ORDER BY time DESC LIMIT 200")
    return Panel(
        "table", "Commands", [Query(statement, table=True)], width=24,
        overrides=[Override("done_after_ns", {"unit": "ns"}, "byName")],
    )  # fmt: skip


# A loop ---------------------------------------------------------------------------------------------


def _loop(bench: Bench, loop: Loop) -> list[Panel]:
    of = f'"loop" = {queries.text(loop.name)}'
    period = f"{1e9 / loop.period_ns:g} Hz"
    counted = 'sum("overrun") AS "overruns", sum("acted_safe") AS "acted safe"'
    overruns = queries.select(counted, names.CYCLE, bench.name, of, then=f"{queries.EVERY} fill(none)")
    setpoint = "its setpoint" if loop.moving else f"{loop.setpoint:g} {loop.reads.unit}".rstrip()
    return [
        heading(f"{loop.name}: {loop.reads.path} at {setpoint} by {loop.writes.path}, {period}"),
        _regulation(bench, loop),
        _terms(bench.name, loop),
        _durations("Sample to acknowledged command", "acknowledged_ns", bench.name, loop),
        _durations("Lateness of cycles", "lateness_ns", bench.name, loop),
        _durations("Age of the sample", "age_ns", bench.name, loop),
        Panel(
            "timeseries", f"{loop.name}: overruns and safe actions", [Query(overruns, alias="$col")],
            width=6, unit="short", custom={"drawStyle": "bars", "fillOpacity": 60},
            description="Cycles that came while a command was still on its way, and those without a sample.",
        ),
    ]  # fmt: skip


def _regulation(bench: Bench, loop: Loop) -> Panel:
    """Return value, setpoint and output over time."""
    reads, writes = loop.reads, loop.writes
    value = queries.curve(reads.name, measurement(bench, reads), bench.name, *queries.good(reads.device))
    output = queries.curve(writes.name, measurement(bench, writes), bench.name, *queries.good(writes.device))
    setpoint = queries.curve("setpoint", names.CYCLE, bench.name, f'"loop" = {queries.text(loop.name)}')
    step = {"custom.spanNulls": True, "custom.lineInterpolation": "stepAfter"}
    right = {
        "unit": grafana_unit(writes.unit),
        "custom.axisPlacement": "right", **step,
    }  # fmt: skip
    return Panel(
        "timeseries", f"{loop.name}: value, setpoint and output",
        [Query(value, reads.path), Query(output, writes.path), Query(setpoint, "setpoint")],
        width=16, unit=grafana_unit(reads.unit), description=f"{plan_words(loop.controller)}.",
        custom={"spanNulls": gap(reads)},
        overrides=[Override("B", right), Override("C", {**step, "custom.lineStyle": _DASHED})],
    )  # fmt: skip


def _terms(bench: str, loop: Loop) -> Panel:
    what = 'mean("p") AS "P", mean("i") AS "I", mean("d") AS "D"'
    of = f'"loop" = {queries.text(loop.name)}'
    statement = queries.select(what, names.CYCLE, bench, of, then=f"{queries.EVERY} fill(none)")
    return Panel(
        "timeseries", f"{loop.name}: the controller's terms", [Query(statement, alias="$col")],
        width=8, unit=grafana_unit(loop.writes.unit),
    )  # fmt: skip


def _durations(title: str, field: str, bench: str, loop: Loop) -> Panel:
    return Panel(
        "timeseries", f"{loop.name}: {title[0].lower()}{title[1:]}",
        [Query(queries.percentiles(field, bench, loop.name), alias="$col")], width=6, unit="ns",
    )  # fmt: skip


# A twin ---------------------------------------------------------------------------------------------


def _twin(bench: Bench, device: str, model: TwinModel) -> list[Panel]:
    measuring = ", ".join(sensor.signal.path for sensor in model.sensors)
    panels = [heading(f"{device}: {model.kind} model of {measuring}")]
    for sensor in model.sensors:
        panels += _sensor(bench, sensor)
    for signal in model.estimates.values():
        query = queries.curve(
            signal.name, bench.devices[device].profile.name, bench.name, *queries.good(device)[:1]
        )
        panels.append(signal_panel(signal, query, title=signal.path, width=16))
    return [*panels, _parameters(device, model), _state(bench.name, device, model)]


def _sensor(bench: Bench, sensor: TwinSensor) -> list[Panel]:
    """Return what was measured beside what was expected, with twice its sigma; and how they differ."""
    measured, predicted, residual, sigma = sensor.signal, sensor.prediction, sensor.residual, sensor.sigma
    where, profile = queries.good(measured.device), bench.devices[measured.device].profile.name
    any_quality = where[:1]  # a prediction that has just begun is uncertain
    return [
        Panel(
            "timeseries", f"{measured.path}: measured and predicted",
            [
                Query(queries.curve(measured.name, profile, bench.name, *where), "measured"),
                Query(queries.curve(predicted.name, profile, bench.name, *any_quality), "predicted"),
                Query(
                    queries.reach(predicted.name, sigma.name, profile, bench.name, *any_quality), alias="$col"
                ),
            ],
            width=16, unit=grafana_unit(measured.unit), custom={"spanNulls": gap(measured)},
            overrides=[Override("B", {"custom.lineStyle": _DASHED})],
        ),
        Panel(
            "histogram", f"{measured.path}: spread of the residual",
            [Query(queries.curve(residual.name, profile, bench.name, *where), "residual")],
            width=8, unit=grafana_unit(residual.unit),
        ),
        signal_panel(
            residual, queries.band(residual.name, profile, bench.name, *any_quality),
            title=f"{measured.path}: measured less predicted", width=16,
        ),
    ]  # fmt: skip


def _state(bench: str, device: str, model: TwinModel) -> Panel:
    """Return what the model has come to: every state that it has a name for."""
    names_of = [queries.name(state.name) for state in make_model(model).STATES]
    what = ", ".join(f"mean({name}) AS {name}" for name in names_of)
    of = f'"device" = {queries.text(device)}'
    statement = queries.select(what, names.TWIN, bench, of, then=f"{queries.EVERY} fill(none)")
    return Panel("timeseries", f"{device}: state of the model", [Query(statement, alias="$col")], width=8)


def _parameters(device: str, model: TwinModel) -> Panel:
    made = make_model(model)
    rows = [
        f"| {parameter.name} | {value:g} {parameter.unit} |"
        for parameter, value in zip(made.PARAMETERS, made.parameters, strict=True)
    ]
    inputs = [f"| {key} | {signal.path} |" for key, signal in sorted(model.inputs.items())]
    table = ["| | |", "|---|---|", f"| model | {model.kind} |", *inputs, *rows]
    return Panel("text", f"{device}: model", width=8, options={"content": "\n".join(table)})
