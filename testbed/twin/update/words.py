"""What a twin tells of what it has found out, in words."""

from __future__ import annotations

from testbed.bench import Excite, TwinModel

from .cusum import Alarm
from .inquiry import Finding
from .versions import Version

_NS = 1e9


def misfit(spec: TwinModel, alarm: Alarm, now_ns: int) -> str:
    """Return by what one sees that a model no longer fits."""
    path = spec.sensors[alarm.sensor].signal.path
    way, since = "more" if alarm.way > 0 else "less", (now_ns - alarm.since_ns) / _NS
    return f"{path} has read {way} than expected for {since:.2g} s"


def cause(twin: str, version: Version, finding: Finding, trial_s: float) -> str:
    """Return what has changed."""
    other = f"; {finding.next_name} would explain it less well" if finding.next_name else ""
    return f"{twin}: {version}{other}; now on trial for {trial_s:g} s"


def unclear(twin: str, finding: Finding, *, alike: bool) -> str:
    """Return why nothing is named: the data do not tell, or tell of several as well."""
    best = finding.suspect.free.name
    if not finding.seen:
        why = f"it may be {best}, which the data tell little of"
    elif alike:
        why = f"{best} and {finding.next_name} explain it alike"
    else:
        why = f"nothing that may change explains it (the best is {best})"
    return f"{twin}: {why}; the model stays as it is"


def asked(twin: str, finding: Finding, plan: Excite) -> str:
    """Return that a setpoint moves so that the device tells what has changed."""
    causes = " and ".join(each for each in (finding.suspect.free.name, finding.next_name) if each)
    return (
        f"{twin}: the data do not tell {causes} apart: the twin moves the setpoint of the loop {plan.loop}"
        f" by {plan.by:+g} {plan.unit} for {plan.lasts_ns / _NS:g} s"
    )


def used(twin: str, version: Version, trial_s: float) -> str:
    """Return that a new version is in use, and why."""
    return (
        f"{twin}: version {version.number} of the model is in use, learned from {version.span_s:.0f} s, as it"
        f" foretold {trial_s:g} s of new data better ({version.gain:+.0f} nats): {version}"
    )


def rejected(twin: str, version: Version, trial_s: float, gain: float) -> str:
    """Return that a new version failed its trial."""
    return (
        f"{twin}: with {version.name} changed, {trial_s:g} s of new data were foretold no better"
        f" ({gain:+.1f} nats); the model stays as it is"
    )


def taken_back(twin: str, version: Version, gain: float) -> str:
    """Return that a version failed its probation."""
    return (
        f"{twin}: version {version.number} of the model is taken back, as the one before foretells better"
        f" ({gain:+.0f} nats)"
    )
