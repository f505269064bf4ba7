"""What all dashboards of a bench share: choices, marks, and the look of a signal."""

from __future__ import annotations

from testbed.bench import Bench
from testbed.session.forward import names
from testbed.signals import Signal

from . import queries
from .dashboard import Annotation, Dashboard, Variable
from .model import BLUE, GREEN, RED, YELLOW, Json, Override, Panel, Query
from .units import grafana_unit

_STALE_PERIODS = 5
VERDICTS: Json = {
    "type": "value",
    "options": {
        "passed": {"color": GREEN, "index": 0},
        "failed": {"color": RED, "index": 1},
        "blocked": {"color": YELLOW, "index": 2},
        "undecided": {"color": YELLOW, "index": 3},
    },
}
ONLINE: Json = {
    "type": "value",
    "options": {
        "0": {"color": RED, "index": 0, "text": "offline"},
        "1": {"color": GREEN, "index": 1, "text": "online"},
    },
}


def page(bench: Bench, kind: str, title: str, panels: list[Panel], *more: Variable) -> Dashboard:
    """Return a dashboard of the bench with the choice of sessions and the marks in its curves."""
    sessions = Variable("session", "Session", queries.tag_values("session", names.SESSION, bench.name))
    return Dashboard(
        uid=names.dashboard_uid(bench.name, kind),
        title=f"{bench.name}: {title}",
        panels=panels,
        variables=(sessions, *more),
        annotations=marks(bench.name),
        tags=("testbed", bench.name),
        description="Made by `testbed grafana` from the bench file; changes are overwritten.",
    )


def marks(bench: str) -> tuple[Annotation, ...]:
    """Return what is marked in every curve, each mark with a link to its session and time."""
    event, verdict = names.EVENT, names.VERDICT
    loud = '"level" =~ /^(warning|error)$/'
    failed = ("\"expectation\" != ''", "\"verdict\" = 'failed'")
    what = '"mark", "session"'
    return (
        Annotation(
            "Faults", "orange",
            queries.select(f'{what}, "source", "kind"', event, bench, '"kind" =~ /^fault/'),
            "source,kind,session",
        ),
        Annotation(
            "Warnings and errors", RED,
            queries.select(f'{what}, "source", "kind"', event, bench, loud, '"kind" !~ /^fault/'),
            "source,kind,session",
        ),
        Annotation("Failed expectations", RED, queries.select(what, verdict, bench, *failed), "session"),
        Annotation("Verdicts", BLUE, queries.select(what, verdict, bench, "\"expectation\" = ''"), "session"),
    )  # fmt: skip


def heading(title: str) -> Panel:
    """Return a line that begins a group of panels."""
    return Panel("row", title, width=24, height=1)


def measurement(bench: Bench, signal: Signal) -> str:
    """Return where the samples of a signal stand."""
    device = bench.devices.get(signal.device)  # the setpoint of a loop is no device's
    return signal.device if device is None else device.profile.name


def signal_panel(signal: Signal, query: str, *, title: str, width: int = 24, repeat: str = "") -> Panel:
    """Return the curve of a signal with its extremes, limits and safe value.

    `query` gives the columns mean, min and max (see queries.band).
    """
    stepped = signal.writable or not signal.unit
    lines = [(value, RED) for value in signal.limits or ()]
    if signal.safe is not None:
        lines.append((signal.safe, BLUE))
    hidden = {"custom.lineWidth": 0, "custom.hideFrom": {"legend": True, "tooltip": False, "viz": False}}
    return Panel(
        "timeseries",
        title,
        [Query(query, alias="$col")],
        width=width,
        unit=grafana_unit(signal.unit),
        description=about(signal),
        lines=lines,
        custom={"spanNulls": gap(signal), "lineInterpolation": "stepAfter" if stepped else "linear"},
        overrides=[
            Override("max", {**hidden, "custom.fillBelowTo": "min", "custom.fillOpacity": 25}, "byName"),
            Override("min", hidden, "byName"),
        ],
        repeat=repeat,
    )


def gap(signal: Signal) -> int | bool:
    """Return how long a line may go on without samples, in ms; True: for ever, since none are promised."""
    if not signal.period_ns or signal.writable:
        return True
    return max(1000, _STALE_PERIODS * signal.period_ns // 1_000_000)


def about(signal: Signal) -> str:
    """Return in words what a profile says of a signal."""
    unit = f" {signal.unit}" if signal.unit else ""
    words = [f"{signal.title}." if signal.title else ""]
    if signal.limits:
        words.append(f"Limits {signal.limits[0]:g} to {signal.limits[1]:g}{unit} (red).")
    if signal.slew is not None:
        words.append(f"At most {signal.slew:g}{unit} a second.")
    if signal.safe is not None:
        words.append(f"Safe value {signal.safe:g}{unit} (blue).")
    if signal.period_ns:
        words.append(f"A sample each {signal.period_ns / 1e9:g} s.")
    return " ".join(word for word in words if word)


def state_panel(bench: str, source: str, *, title: str, width: int, height: int) -> Panel:
    """Return when devices were online; `source` is the condition that chooses them."""
    then = f'{queries.EVERY}, "source" fill(previous)'
    statement = queries.select('last("online")', names.EVENT, bench, source, then=then)
    return Panel(
        "state-timeline", title, [Query(statement, alias="$tag_source")],
        width=width, height=height, mappings=[ONLINE],
    )  # fmt: skip
